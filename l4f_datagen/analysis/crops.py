"""Plain backgrounds that the gradient analysis holds samples to: parts of them, colours, or images of a user's."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.pixels import image_from_uint8
from ..photographs.opening import open_source
from ..photographs.square import Size, fitted, sides
from ..photographs.whole import WholeImages

Crops = Callable[[Tensor, Sequence[int]], Tensor]
"""Samples (N, 3, H, W) and their indices → what they are held to, as large."""

CROP = 1 / 8
"""Side of the crops of plain background, as a share of the image's."""
COLOURS = ((1.0, 1.0, 1.0), (-1.0, -1.0, -1.0), (-1.0, -1.0, 1.0))
"""White, black and blue, in [-1, 1]: the plain backgrounds that the paper names."""
_WORLD_IMAGES = 1000
"""Of a world, which has no number of images of its own."""


def open_crops(name: str, size: Size) -> Crops:
    """The plain backgrounds that a user's words name.

    Args:
        name: "auto", the plainest corner of each sample; "plain", white, black and blue in turn; or images of
            backgrounds as ``train-alpha`` takes images, one after the other.
        size: height and width of the samples in pixels.

    Raises:
        UserError: there are no such images.
    """
    if name == "auto":
        return lambda image, indices: plain_crops(image)
    if name == "plain":
        return _colours
    images = WholeImages(open_source(name, world_images=_WORLD_IMAGES), setting="crops")

    def read(image: Tensor, indices: Sequence[int]) -> Tensor:
        found = [fitted(images.read(index % len(images.source), max(sides(size)))[1], size) for index in indices]
        return torch.stack([image_from_uint8(torch.tensor(one)[None])[0] for one in found]).to(image)

    return read


def plain_crops(image: Tensor) -> Tensor:
    """The plainest corner of each image, where the least varies, resized to full size: (N, 3, H, W)."""
    return F.interpolate(plainest_corners(image, CROP), size=tuple(image.shape[2:]), mode="bilinear")


def plainest_corners(image: Tensor, share: float) -> Tensor:
    """The corner of each image (N, 3, H, W) where the least varies, square, a share of its shorter side."""
    side = max(2, round(share * min(image.shape[2:])))
    corners = torch.stack([image[..., y, x] for y in _ends(side) for x in _ends(side)], 1)  # (N, 4, 3, side, side)
    plainest = corners.std((-2, -1)).mean(-1).argmin(1)
    return corners[torch.arange(len(image), device=image.device), plainest]


def _colours(image: Tensor, indices: Sequence[int]) -> Tensor:
    colours = torch.tensor([COLOURS[index % len(COLOURS)] for index in indices]).to(image)
    return colours[:, :, None, None].expand_as(image)


def _ends(side: int) -> tuple[slice, slice]:
    return slice(None, side), slice(-side, None)
