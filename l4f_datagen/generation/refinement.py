"""Alphas drawn to the edges of their images: the guided filter (He, Sun, Tang, ECCV 2010; TPAMI 2013)."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Refinement(Protocol):
    """What of the settings says how; those of ``generate`` and ``evaluate alpha`` have it."""

    refine: int
    refine_epsilon: float


def refine(alpha: Tensor, image: Tensor, settings: Refinement) -> Tensor:
    """Draw alphas to the edges of their images if the settings ask for it; else return them as they are."""
    if not settings.refine:
        return alpha
    return guided_filter(alpha, image, radius=settings.refine, epsilon=settings.refine_epsilon)


def guided_filter(alpha: Tensor, image: Tensor, *, radius: int, epsilon: float) -> Tensor:
    """The filter's version for colour guides: in every window, the affine function of colour that is nearest to alpha.

    Every pixel gets the mean of the functions of all windows that it is in. Where the colours of an object and of its
    background lie apart, the step of the result lies where theirs does, even if that of ``alpha`` lies beside it.

    Args:
        alpha: (N, 1, H, W) in [0, 1].
        image: (N, 3, H, W), nominally [-1, 1]: the image that the alpha was predicted for.
        radius: windows have 2·radius + 1 pixels a side; pixels beyond the border do not count.
        epsilon: variance of a colour, channels from 0 to 1, below which it is no edge.

    Returns:
        (N, 1, H, W) in [0, 1].
    """
    guide = image.float().clamp(-1, 1).add(1).div(2)
    target = alpha.float()
    means = _box(torch.cat([guide, target, guide * target, _products(guide)], 1), radius)
    mean, mean_target, cross, squares = means.split([3, 1, 3, 6], 1)
    slope = _solve(squares - _products(mean), cross - mean * mean_target, epsilon)
    offset = mean_target - (slope * mean).sum(1, keepdim=True)
    slope, offset = _box(torch.cat([slope, offset], 1), radius).split([3, 1], 1)
    return ((slope * guide).sum(1, keepdim=True) + offset).clamp_(0, 1).to(alpha.dtype)


def _box(x: Tensor, radius: int) -> Tensor:
    """Means over windows, separably."""
    for kernel, padding in (((1, 2 * radius + 1), (0, radius)), ((2 * radius + 1, 1), (radius, 0))):
        x = F.avg_pool2d(x, kernel, stride=1, padding=padding, count_include_pad=False)
    return x


def _products(colour: Tensor) -> Tensor:
    """The upper triangle of colour · colourᵀ, row by row: (N, 6, H, W)."""
    red, green, blue = colour.unbind(1)
    return torch.stack([red * red, red * green, red * blue, green * green, green * blue, blue * blue], 1)


def _solve(covariance: Tensor, cross: Tensor, epsilon: float) -> Tensor:
    """(Σ + ε·1)⁻¹ · cross in every pixel: three unknowns, by Cramer's rule, far faster than a batched solver."""
    a, b, c, d, e, f = covariance.unbind(1)
    a, d, f = a + epsilon, d + epsilon, f + epsilon
    x, y, z = cross.unbind(1)
    minors = d * f - e * e, c * e - b * f, b * e - c * d
    determinant = a * minors[0] + b * minors[1] + c * minors[2]
    first = minors[0] * x + minors[1] * y + minors[2] * z
    second = minors[1] * x + (a * f - c * c) * y + (b * c - a * e) * z
    third = minors[2] * x + (b * c - a * e) * y + (a * d - b * b) * z
    return torch.stack([first, second, third], 1) / determinant[:, None]
