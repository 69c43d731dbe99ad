"""Which single channels draw the foreground: what a curated background does without (Labels4Free 3.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..generation import latents
from ..networks.inference import freeze
from ..networks.stylegan2 import Generator
from ..networks.synthesis import Synthesis
from ..networks.zeroed import ZeroedChannels, activation_sizes
from .crops import Crops, open_crops
from .probes import recorded_activations

SAMPLES, AT_ONCE = 64, 8
"""Samples that channels are chosen by, and how many of them are drawn together."""
LAYERS = slice(1, 4)
"""Activations whose channels are looked at: those of the first styled convolution and of the two at 8×8 pixels."""


def find_channels(
    generator: Generator | Synthesis, share: float, *, crops: str = "auto", psi: float = 1.0, seed: int = 0
) -> ZeroedChannels:
    """The channels that ``channels:SHARE`` zeroes.

    They follow from the arguments alone, but for the rounding of another kind of processor.

    Args:
        share: of the channels of the first layers, in [0, 1].
        crops: as ``open_crops``.

    Raises:
        UserError: there are no such crops.
    """
    frozen = freeze(generator) if isinstance(generator, Generator) else generator
    given = open_crops(crops, frozen.architecture.size)
    return chosen(frozen, measured(frozen, given, n=SAMPLES, psi=psi, seed=seed, batch_size=AT_ONCE), share)


def measured(
    generator: Synthesis, crops: Crops, *, n: int, psi: float, seed: int, batch_size: int
) -> tuple[Tensor, ...]:
    """By activation and channel, (C): how much less samples would differ from plain background if it were dimmed.

    It is the derivative of ‖G(w, n) − x‖² with respect to what the channel is multiplied with, at 1; the sum of
    gradient times activation over its pixels. Where it is below 0, the channel draws the background. Means over
    samples.
    """
    sums = [torch.zeros(size, dtype=torch.float64) for size in activation_sizes(generator.architecture.channels)]
    for start in range(0, n, batch_size):
        indices = range(start, min(start + batch_size, n))
        w = latents.draw_w(generator, seed=seed, stream="foreground", indices=indices, psi=psi)
        with torch.no_grad():
            target = crops(generator.synthesize(w).image, indices)
        for total, one in zip(sums, _slopes(generator, w, target), strict=True):
            total += one.double().cpu()
    return tuple(total / n for total in sums)


def chosen(generator: Synthesis, measure: Sequence[Tensor], share: float) -> ZeroedChannels:
    """The share of the first layers' channels, all of them together, whose measure is largest."""
    sizes = activation_sizes(generator.architecture.channels)
    looked_at = range(*LAYERS.indices(len(sizes)))
    joined = torch.cat([measure[index] for index in looked_at])
    wanted = set(joined.argsort(descending=True, stable=True)[: round(share * len(joined))].tolist())
    channels: list[tuple[int, ...]] = [() for _ in sizes]
    start = 0
    for index in looked_at:
        channels[index] = tuple(c for c in range(sizes[index]) if start + c in wanted)
        start += sizes[index]
    return ZeroedChannels(share, sizes, tuple(channels))


def _slopes(generator: Synthesis, w: Tensor, target: Tensor) -> list[Tensor]:
    """By activation, (C): sums over samples and pixels of gradient times activation."""
    probed, activations = recorded_activations(generator)
    with torch.enable_grad():
        loss = (probed.synthesize(w).image - target).square().sum()
        gradients = torch.autograd.grad(loss, activations)
    return [(g * a.detach()).sum((0, 2, 3)) for g, a in zip(gradients, activations, strict=True)]
