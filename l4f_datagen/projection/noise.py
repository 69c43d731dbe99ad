"""Noise maps that are optimised with a code, and kept from holding the picture (StyleGAN2, appendix D)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_SMALLEST = 8
"""Height and width of the smallest maps that are looked at."""


def correlation(maps: Sequence[Tensor]) -> Tensor:
    """How much maps (N, H, W) have to do with themselves a pixel aside, at all sizes from 8 up: (N,), 0 for noise.

    The squared means of products of neighbours, summed over maps and over their means of 2×2, 4×4, … pixels, which are
    scaled to unit variance.
    """
    total = torch.zeros(len(maps[0]), device=maps[0].device)
    for one in maps:
        while True:
            for axis in (1, 2):
                total = total + (one * one.roll(1, axis)).mean((1, 2)).square()
            if one.shape[1] <= _SMALLEST:
                break
            one = F.avg_pool2d(one[:, None], 2)[:, 0] * 2
    return total


@torch.no_grad()
def normalise(maps: Sequence[Tensor]) -> None:
    """Bring maps (N, H, W) back to mean 0 and variance 1 each, in place."""
    for one in maps:
        one.sub_(one.mean((1, 2), keepdim=True))
        one.mul_((one.square().mean((1, 2), keepdim=True) + 1e-8).rsqrt())
