"""Backgrounds with whole layers and with shares of channels switched off, side by side, measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..generation import latents
from ..networks.inference import freeze
from ..networks.pixels import image_to_uint8
from ..networks.segmenter import Segmenter
from ..networks.stylegan2 import Generator
from ..networks.synthesis import SwitchedOff
from ..networks.zeroed import ZeroedChannels
from ..segmentation.predict import segment
from ..settings.switching import AUTO, CHANNELS, LAYERS
from .channels import chosen, measured
from .crops import open_crops


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One way to switch off."""

    setting: str
    """As ``--switched-off`` takes it."""
    switched_off: SwitchedOff
    zeroed: int
    """How many channels that are, in all layers."""
    distance: float
    """Mean squared distance of the backgrounds to the crops of samples, of values in [-1, 1]."""
    foreground: float | None
    """Share of the pixels in which a segmenter still sees foreground; None without one."""


def try_backgrounds(
    generator: Generator,
    shares: Sequence[float],
    *,
    n: int = 64,
    psi: float = 1.0,
    seed: int = 0,
    batch_size: int = 8,
    crops: str = "auto",
    segmenter: Segmenter | None = None,
    descended: ZeroedChannels | None = None,
) -> list[Trial]:
    """Draw the same backgrounds without each of the first layers, and without shares of channels.

    Each background has the codes of a sample, so that it can be held to the sample's own plain background.

    Args:
        shares: of the channels of the first layers, in [0, 1].
        crops: as ``open_crops`` has them.
        segmenter: looks for traces of foreground; on the generator's device.
        descended: channels that a descent found, for a row of their own.

    Raises:
        UserError: there are no such crops.
    """
    frozen = freeze(generator)
    given = open_crops(crops, frozen.architecture.size)
    first = frozen.architecture.channels[0]
    measure = measured(frozen, given, n=n, psi=psi, seed=seed, batch_size=batch_size) if shares else ()
    ways: list[tuple[str, SwitchedOff, int]] = [(LAYERS[0], "first_convolution", first), (LAYERS[1], "constant", first)]
    for share in shares:
        zeroed = chosen(frozen, measure, share)
        ways.append((f"{CHANNELS}{share:g}", zeroed, zeroed.count))
    if descended is not None:
        ways.append((AUTO, descended, descended.count))
    sums = torch.zeros(len(ways), 2, dtype=torch.float64)
    for start in range(0, n, batch_size):
        indices = range(start, min(start + batch_size, n))
        w = latents.draw_w(frozen, seed=seed, stream="foreground", indices=indices, psi=psi)
        with torch.no_grad():
            target = given(frozen.synthesize(w).image, indices)
            for total, (_, way, _) in zip(sums, ways, strict=True):
                image = frozen.background(w, switched_off=way)
                total[0] += (image - target).square().mean((1, 2, 3)).sum().double().cpu()
                total[1] += _foreground(segmenter, image)
    means = (sums / n).tolist()
    return [
        Trial(setting=name, switched_off=way, zeroed=count, distance=distance, foreground=seen if segmenter else None)
        for (name, way, count), (distance, seen) in zip(ways, means, strict=True)
    ]


def _foreground(segmenter: Segmenter | None, image: Tensor) -> float:
    """Share of an image's pixels that a segmenter takes for foreground, summed over images (N, 3, H, W)."""
    if segmenter is None:
        return 0.0
    masks = segment(segmenter, image_to_uint8(image).cpu().numpy()).mask
    return float((masks == 1).mean((1, 2)).sum())
