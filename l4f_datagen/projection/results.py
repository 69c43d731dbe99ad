"""What a projection leaves beside codes: pictures of every photograph, its figures, and what is to be told of it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..generation.cutouts import cut_out_array
from ..generation.drawing import alpha_to_uint8
from ..generation.refinement import refine
from ..mask_files import png as mask_png
from ..mask_files.values import MaskValues
from ..masks import cut_out
from ..networks.pixels import image_to_uint8
from ..networks.synthesis import NoiseMode
from ..settings import ProjectSettings
from ..shards.format import encoding
from ..sheet import picture_grid
from ..storage import atomic
from .codes import IMAGES
from .models import Models
from .optimise import Found

RECONSTRUCTIONS, ALPHAS, MASKS, CUTOUTS = "reconstructions", "alphas", "masks", "cutouts"
FOLDERS = (IMAGES, RECONSTRUCTIONS, ALPHAS, MASKS, CUTOUTS)
"""In each of them there is a ``KEY.png`` of every photograph; the last three only where there is an alpha network."""
_LEVELS = 255.0
SHOWN = 8
"""Photographs on the sheet."""


class Drawn(NamedTuple):
    """What the networks make of N codes."""

    image: Tensor
    """The reconstructions (N, 3, H, W) in [-1, 1]."""
    alpha: Tensor | None
    """(N, 1, H, W) in [0, 1], drawn to the edges of the photographs; None without an alpha network."""


@torch.inference_mode()
def draw(models: Models, found: Found, photographs: Tensor, settings: ProjectSettings, *, masks: bool = True) -> Drawn:
    """Reconstructions of photographs (N, 3, H, W) and, where they are wanted, their alphas."""
    plain: NoiseMode = "none" if settings.noise_maps == "none" else "const"
    image, features = models.generator.synthesize(found.w, found.noise or plain)
    # Drawn to the edges of the photograph, not of its reconstruction: it is the photograph that is cut out.
    alpha = refine(models.alpha(features), photographs, settings) if models.alpha and masks else None
    return Drawn(image.clamp(-1, 1), alpha)


def errors(images: Tensor, photographs: Tensor) -> list[float]:
    """Root mean square differences of images (N, 3, H, W) in [-1, 1], in grey levels of 0 to 255."""
    return ((images - photographs).square().mean((1, 2, 3)).sqrt() * (_LEVELS / 2)).tolist()


def contrasts(photographs: Tensor) -> list[float]:
    """Standard deviations of the colours of photographs (N, 3, H, W) in [-1, 1], in grey levels."""
    means = photographs.mean((2, 3), keepdim=True)
    return errors(means.expand_as(photographs), photographs)


def undrawn(images: Tensor, photographs: Tensor) -> list[float]:
    """``errors`` over the photographs' ``contrasts``: 0 where all of a photograph is drawn."""
    both = zip(errors(images, photographs), contrasts(photographs), strict=True)
    return [error / max(contrast, 1.0) for error, contrast in both]


def psnr(error: float) -> float:
    """The peak signal-to-noise ratio in dB of a root mean square difference in grey levels; at most 99."""
    return min(99.0, 20 * math.log10(_LEVELS / max(error, 1e-6)))


def pictures_of(photographs: list[np.ndarray], drawn: Drawn, settings: ProjectSettings) -> list[dict[str, np.ndarray]]:
    """The pictures of each photograph by folder, uint8; ``cutouts`` follow from ``images`` and ``alphas``."""
    images = image_to_uint8(drawn.image).cpu().numpy()
    alphas = None if drawn.alpha is None else alpha_to_uint8(drawn.alpha).cpu().numpy()
    found = []
    for number, photograph in enumerate(photographs):
        one = {IMAGES: photograph, RECONSTRUCTIONS: images[number]}
        if alphas is not None:
            one |= {ALPHAS: alphas[number], MASKS: cut_out(alphas[number], settings)}
        found.append(one)
    return found


def write_pictures(out: Path, key: str, pictures: Mapping[str, np.ndarray], values: MaskValues) -> None:
    """Write the pictures of one photograph as PNGs, masks with such values. Raises ``CannotWrite``."""
    contents = {name: encoding.encode_image(pictures[name], "png", 100) for name in (IMAGES, RECONSTRUCTIONS)}
    if ALPHAS in pictures:
        contents |= {ALPHAS: encoding.encode_grey(pictures[ALPHAS]), MASKS: mask_png.encode(pictures[MASKS], values)}
        contents[CUTOUTS] = encoding.encode_cutout(cut_out_array(pictures[IMAGES], pictures[ALPHAS]))
    for folder, content in contents.items():
        place = out / folder / f"{key}.png"
        atomic.make_folder(place.parent)
        atomic.write_bytes(place, content)


def read_pictures(out: Path, key: str) -> dict[str, np.ndarray]:
    """The pictures that ``write_pictures`` wrote, but for the cut-out. Raises OSError, ValueError: one is damaged."""
    decoders = {
        IMAGES: encoding.decode_image, RECONSTRUCTIONS: encoding.decode_image, ALPHAS: encoding.decode_grey,
        MASKS: lambda content: mask_png.decode(content, "01"),
    }  # fmt: skip
    places = {folder: out / folder / f"{key}.png" for folder in decoders}
    return {folder: decoders[folder](place.read_bytes()) for folder, place in places.items() if place.is_file()}


def sheet(pictures: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Photographs, reconstructions, alphas and cut-outs on white below one another: RGB uint8 H×W×3."""
    rows: dict[str, list[np.ndarray]] = {"photo": [], "drawn": [], "alpha": [], "cut out": []}
    for one in pictures:
        rows["photo"].append(one[IMAGES])
        rows["drawn"].append(one[RECONSTRUCTIONS])
        if ALPHAS in one:
            alpha = one[ALPHAS][..., None] / _LEVELS
            rows["alpha"].append(one[ALPHAS])
            rows["cut out"].append(np.round(alpha * one[IMAGES] + (1 - alpha) * _LEVELS).astype(np.uint8))
    return picture_grid({name: row for name, row in rows.items() if row})
