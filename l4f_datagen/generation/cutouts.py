"""Foregrounds cut out: with the colour that the foreground alone has where it shows in part of a pixel.

In a soft edge an image shows I = α·F + (1 − α)·B. Whoever lays I itself over another background with that α brings B
along, as a fringe. F and B are estimated as Germer, Uelwer, Conrad and Harmeling do it ("Fast Multi-Level Foreground
Estimation", ICPR 2020): of all F and B that explain the image those whose colours change least from pixel to pixel.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_SMOOTHNESS, _AT_EDGES = 1e-3, 0.1
"""Weight of the squared difference of neighbours' colours, and what is added to it for each unit that their alphas
differ by. The paper has 1e-5 and 1; on pictures whose F is known these halve the error within four iterations."""
_SMALL, _SMALL_ITERATIONS, _ITERATIONS = 32, 10, 4
"""Levels of at most so many pixels a side are iterated more often: there colours travel far, and it costs little."""
_BLOCK = 128
"""Side of the blocks of large levels; those without a soft pixel are left as they are."""
_MARGIN = 8
"""Pixels around the foreground that keep its colour, so that a cut-out can be scaled; beyond it is black."""
_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def cut_outs(image: Tensor, alpha: Tensor) -> Tensor:
    """Foregrounds of images.

    Args:
        image: RGB uint8 (N, H, W, 3).
        alpha: round(255·alpha), uint8 (N, H, W).

    Returns:
        RGBA uint8 (N, H, W, 4), not premultiplied. Where alpha is 255 the colour is the image's own; the fourth channel
        is ``alpha``.
    """
    share = alpha[:, None].float().div(255)
    colour = foreground_colours(image.permute(0, 3, 1, 2).float().div(255), share)
    near = F.max_pool2d(share, 2 * _MARGIN + 1, stride=1, padding=_MARGIN) > 0
    colour = colour.mul_(near).mul_(255).round_().clamp_(0, 255).to(torch.uint8)
    return torch.cat([colour.permute(0, 2, 3, 1), alpha[..., None]], 3)


def cut_out_array(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The foreground of one image: RGB uint8 H×W×3 and alpha uint8 H×W → RGBA uint8 H×W×4, as ``cut_outs``.

    Only what lies around the foreground is looked at.
    """
    result = np.zeros((*alpha.shape, 4), np.uint8)
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if len(rows):
        place = tuple(slice(max(0, found[0] - 2 * _MARGIN), found[-1] + 1 + 2 * _MARGIN) for found in (rows, columns))
        # Copied, because arrays that nobody may write to cannot be tensors.
        parts = (torch.from_numpy(array[place].copy())[None] for array in (image, alpha))
        with torch.inference_mode():
            result[place] = cut_outs(*parts)[0].numpy()
    return result


def foreground_colours(image: Tensor, alpha: Tensor) -> Tensor:
    """Estimate the colours of foregrounds: F of I = α·F + (1 − α)·B, from coarse levels to fine ones.

    Args:
        image: I, (N, 3, H, W) in [0, 1].
        alpha: α, (N, 1, H, W) in [0, 1].

    Returns:
        (N, 3, H, W) in [0, 1]; the image's own colours where alpha is 1, and where it is 0 those of the foreground
        nearby.
    """
    height, width = image.shape[2:]
    foreground = _mean(image, alpha)
    background = _mean(image, 1 - alpha)
    levels = max(1, math.ceil(math.log2(max(height, width))))
    for level in range(levels + 1):
        size = [max(1, round(side ** (level / levels))) for side in (height, width)]
        seen, share, foreground, background = (
            x if list(x.shape[2:]) == size else F.interpolate(x, size, mode="nearest-exact")
            for x in (image, alpha, foreground, background)
        )
        foreground = torch.where(share >= 1, seen, foreground)
        background = torch.where(share <= 0, seen, background)
        foreground, background = _relaxed(seen, share, foreground, background)
    return foreground


def _mean(image: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean colours, (N, 3, 1, 1)."""
    return (image * weight).sum((2, 3), keepdim=True) / weight.sum((2, 3), keepdim=True).clamp(min=1e-6)


def _relaxed(seen: Tensor, share: Tensor, foreground: Tensor, background: Tensor) -> tuple[Tensor, Tensor]:
    """Both layers after the iterations of a level, block by block where it is large."""
    iterations = _SMALL_ITERATIONS if max(share.shape[2:]) <= _SMALL else _ITERATIONS
    new = foreground.clone(), background.clone()
    for inner, outer, within in _blocks(share, iterations):
        part = (..., *outer)
        found = _iterated(seen[part], share[part], foreground[part], background[part], iterations)
        for layer, values in zip(new, found, strict=True):
            layer[(..., *inner)] = values[(..., *within)]
    return new


_Place = tuple[slice, slice]
"""Rows and columns."""


def _blocks(share: Tensor, reach: int) -> Iterator[tuple[_Place, _Place, _Place]]:
    """Blocks that hold soft pixels: the block, the block with ``reach`` pixels around it, and the first in the second.

    A level of a few blocks is one.
    """
    height, width = share.shape[2:]
    if height * width <= (2 * _BLOCK) ** 2:
        whole = slice(0, height), slice(0, width)
        yield whole, whole, whole
        return
    soft = ((share > 0) & (share < 1)).any(0, keepdim=True).float()
    there = F.max_pool2d(soft, _BLOCK, ceil_mode=True)[0, 0].nonzero().tolist()
    for place in there:
        inner, outer, within = [], [], []
        for number, side in zip(place, (height, width), strict=True):
            first, last = number * _BLOCK, min((number + 1) * _BLOCK, side)
            start = max(0, first - reach)
            inner.append(slice(first, last))
            outer.append(slice(start, min(side, last + reach)))
            within.append(slice(first - start, last - start))
        yield (inner[0], inner[1]), (outer[0], outer[1]), (within[0], within[1])


def _iterated(seen: Tensor, share: Tensor, foreground: Tensor, background: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Jacobi's iterations: in every pixel the F and B that are best while those of its neighbours stay as they are.

    They minimise (α·F + (1 − α)·B − I)² + Σ w·((F − F')² + (B − B')²) over the four neighbours: two equations.
    """
    opaque, clear, rest = share >= 1, share <= 0, 1 - share
    weights = [_SMOOTHNESS + _AT_EDGES * (near - share).abs() for near in _shifted(share)]
    total = weights[0] + weights[1] + weights[2] + weights[3]
    # The symmetric matrix of the equations, (first, both; both, second), and the right side from the image.
    first, both, second = share * share + total, share * rest, rest * rest + total
    determinant = first * second - both * both
    first, both, second = first / determinant, both / determinant, second / determinant
    for _ in range(count):
        right = [x * seen for x in (share, rest)]
        for side, layer in zip(right, (foreground, background), strict=True):
            for weight, near in zip(weights, _shifted(layer), strict=True):
                side.addcmul_(weight, near)
        foreground = torch.where(opaque, seen, (second * right[0] - both * right[1]).clamp_(0, 1))
        background = torch.where(clear, seen, (first * right[1] - both * right[0]).clamp_(0, 1))
    return foreground, background


def _shifted(x: Tensor) -> list[Tensor]:
    """The upper, lower, left and right neighbours of all pixels; beyond the border a pixel is its own."""
    height, width = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return [padded[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width] for down, right in _NEIGHBOURS]
