"""What a person looks at while a generator learns: real images above drawn ones."""

from pathlib import Path

import numpy as np
import torch

from ...generation import latents
from ...networks.inference import freeze
from ...networks.pixels import image_to_uint8
from ...networks.stylegan2 import Generator
from ...sheet import picture_grid, save_png
from ..core.real_images import RealImages

COLUMNS = 8
_ROWS = (("psi 1", 1.0, 0), ("psi 1 ", 1.0, 1), ("psi 0.7", 0.7, 0), ("psi 0.5", 0.5, 0))
"""Name, psi, which eight codes."""


def save_sheet(path: Path, generator: Generator, images: RealImages, seed: int) -> None:
    """Write the same images and codes every time, so that sheets can be compared."""
    count, frozen = len(images.source), freeze(generator)
    rows: dict[str, list[np.ndarray]] = {"real": [images.picture(i) for i in range(min(COLUMNS, count))]}
    for name, psi, block in _ROWS:
        indices = range(block * COLUMNS, (block + 1) * COLUMNS)
        with torch.no_grad():
            w = latents.draw_w(frozen, seed=seed, stream="sheet-foreground", psi=psi, indices=indices)
            rows[name] = list(image_to_uint8(frozen.synthesize(w).image).cpu().numpy())
    save_png(path, picture_grid(rows))
