"""What a person looks at while a network learns: sheets of foreground, background, alpha, mask and composite."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...generation import latents
from ...generation.drawing import alpha_to_uint8, composite
from ...masks import HALF, make_mask
from ...networks.alpha import AlphaNetwork
from ...networks.pixels import image_from_uint8, image_to_uint8
from ...networks.synthesis import SwitchedOff, Synthesis
from ...settings import CompleteAlphaSettings
from ...sheet import picture_grid, save_png
from ..core.real_images import RealImages

COLUMNS = 8


class Drawn(NamedTuple):
    """One batch: alpha (N, 1, H, W) in [0, 1], images (N, 3, H, W), nominally [-1, 1]."""

    foreground: Tensor
    alpha: Tensor


def draw(
    alpha_net: AlphaNetwork,
    generator: Synthesis,
    settings: CompleteAlphaSettings,
    indices: Sequence[int],
) -> Drawn:
    """Samples of a stream that training does not see, with the checkpoint's noise."""
    with torch.no_grad():
        common = {"seed": settings.seed, "indices": indices}
        w = latents.draw_w(generator, stream="sheet-foreground", psi=settings.psi, **common)
        foreground, features = generator.synthesize(w)
        return Drawn(foreground, alpha_net(features))


def backgrounds(
    generator: Synthesis, settings: CompleteAlphaSettings, switched_off: SwitchedOff, scenes: RealImages | None
) -> Tensor:
    """Backgrounds (N, 3, H, W) of a sheet: the first images, or what the generator draws of a stream of its own."""
    if scenes is not None:
        pictures = np.stack([scenes.picture(index % len(scenes.source)) for index in range(COLUMNS)])
        return image_from_uint8(torch.from_numpy(pictures)).to(generator.w_avg.device)
    with torch.no_grad():
        w = latents.draw_w(
            generator, stream="sheet-background", psi=settings.background_psi, seed=settings.seed,
            indices=range(COLUMNS),
        )  # fmt: skip
        return generator.background(w, switched_off=switched_off)


def save_sheet(
    path: Path, alpha_net: AlphaNetwork, generator: Synthesis, settings: CompleteAlphaSettings, behind: Tensor
) -> None:
    """Write the same samples every time, so that sheets can be compared, before the ``backgrounds`` of a sheet."""
    drawn = draw(alpha_net, generator, settings, range(COLUMNS))
    alpha = alpha_to_uint8(drawn.alpha).cpu().numpy()
    rows = {
        "foreground": image_to_uint8(drawn.foreground).cpu().numpy(),
        "background": image_to_uint8(behind).cpu().numpy(),
        "alpha": alpha,
        "mask": [255 * make_mask(one, HALF) for one in alpha],
        "composite": image_to_uint8(composite(drawn.alpha, drawn.foreground, behind)).cpu().numpy(),
    }
    save_png(path, picture_grid({name: list(pictures) for name, pictures in rows.items()}))
