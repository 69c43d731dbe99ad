"""How unlike two pictures are, as an optimiser that looks for codes wants it: pixels at several sizes, and features."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Features = Callable[[Tensor], Sequence[Tensor]]
"""Images (N, 3, H, W), nominally [-1, 1] → maps (N, C, h, w) of a network, which say what is there."""
_SMALLEST = 8
"""Height and width in pixels of the smallest picture of a pyramid."""
_ABSOLUTE = 0.2
"""Weight of absolute differences beside squared ones."""


class Distance:
    """The distance of images from fixed targets.

    Args:
        targets: (N, 3, H, W), in [-1, 1].
        features: of a network to be looked at too; None: pixels alone.
        weight: of the features' distance.
    """

    def __init__(self, targets: Tensor, features: Features | None = None, weight: float = 1.0):
        self._pyramid = pyramid(targets)
        self._features, self._weight = features, weight
        with torch.no_grad():
            self._maps = list(features(targets)) if features else []

    def __call__(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) → (N,), 0 where they are their targets."""
        total = pixel_distance(pyramid(images), self._pyramid)
        if self._features:
            total = total + self._weight * feature_distance(self._features(images), self._maps)
        return total


def pyramid(images: Tensor) -> list[Tensor]:
    """Images and their means over 2×2, 4×4, … pixels, down to 8×8."""
    found = [images]
    while min(found[-1].shape[2:]) >= 2 * _SMALLEST:
        found.append(F.avg_pool2d(found[-1], 2))
    return found


def pixel_distance(images: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Squared and absolute differences of colours, and absolute ones of edges, summed over two pyramids: (N,).

    Edges count as much as colours, because outlines are what masks are made of.
    """
    total = torch.zeros(len(targets[0]), device=targets[0].device)
    for image, target in zip(images, targets, strict=True):
        difference = image - target
        total = total + (difference.square() + _ABSOLUTE * difference.abs()).mean((1, 2, 3))
        for axis in (-1, -2):
            total = total + torch.diff(difference, dim=axis).abs().mean((1, 2, 3))
    return total


def feature_distance(images: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Squared differences of maps, means over pixels, summed over maps (LPIPS, Zhang et al. 2018, eq. 1): (N,)."""
    return torch.stack([
        (image - target).square().sum(1).mean((1, 2)) for image, target in zip(images, targets, strict=True)
    ]).sum(0)  # fmt: skip
