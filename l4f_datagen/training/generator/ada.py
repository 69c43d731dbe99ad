"""Discriminator augmentation (StyleGAN2-ADA, Karras et al. 2020, section 2 and appendix B), and what steers it.

Pixel blitting, geometric and colour transforms, each with probability p, in the paper's order and strength.
Transforms of an image that move no pixel between places of the grid are exact; others sample a grid of twice the
density bicubically and average it, so that shrinking does not alias. Everything that is drawn follows from
(seed, stream, position).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ... import philox
from . import resampling

BLIT_TRANSLATION = 0.125
"""Largest share of the image that an integer translation moves it by."""
SCALE_DEVIATION, TRANSLATION_DEVIATION = 0.2, 0.125
"""Standard deviations: log2 of isotropic and anisotropic scales; fractional translation, as a share of the image."""
BRIGHTNESS_DEVIATION, CONTRAST_DEVIATION, SATURATION_DEVIATION = 0.2, 0.5, 1.0
"""Standard deviations: brightness added; log2 of contrast and of saturation."""
_CHANCES, _AMOUNTS, _NORMALS = 13, 8, 7


class Draws(NamedTuple):
    """Random numbers of N images, on the CPU in float64."""

    chances: Tensor
    """(N, 13), uniform: whether each transform happens."""
    amounts: Tensor
    """(N, 8), uniform: by how much."""
    normals: Tensor
    """(N, 7), N(0, 1): by how much."""


def draw(seed: int, stream: str, positions: Sequence[int]) -> Draws:
    """The numbers of the images at ``positions`` of a stream; they do not depend on p."""
    numbers = philox.normal(_CHANCES + _AMOUNTS + _NORMALS, seed, stream, positions).double()
    chances, amounts, normals = numbers.split([_CHANCES, _AMOUNTS, _NORMALS], 1)
    # The normal distribution's own function makes its numbers uniform.
    return Draws(torch.special.ndtr(chances), torch.special.ndtr(amounts), normals)


class Changes(NamedTuple):
    """What happens to each of N images."""

    matrices: Tensor
    """Place in the result → place in the image, (N, 3, 3) as ``resampling.warp`` takes them."""
    moved: Tensor
    """Whether pixels move between places of the grid alone, bool (N,)."""
    warped: Tensor
    """Whether they are sampled between places, bool (N,)."""
    colours: Tensor
    """(N, 4, 4) on homogeneous colours (r, g, b, 1)."""

    def to(self, device: torch.device) -> "Changes":
        """In float32 on a device, without waiting for it."""
        tensors = self.matrices.float(), self.moved, self.warped, self.colours.float()
        if device.type == "cuda":
            return Changes(*(tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors))
        return Changes(*(tensor.to(device) for tensor in tensors))


def changes(p: float, draws: Draws, size: int) -> Changes:
    """What happens to images of H = W = ``size`` with probability p each; on the CPU in float64."""
    blits, warps = blitting(draws, p, size), geometry(draws, p)
    unchanged = torch.eye(3, dtype=torch.float64)
    warped = (warps != unchanged).flatten(1).any(1)
    moved = (blits != unchanged).flatten(1).any(1) & ~warped
    return Changes((warps @ blits).inverse(), moved, warped, colour(draws, p))


def augment(images: Tensor, p: float, draws: Draws) -> Tensor:
    """Images (N, 3, H, W), nominally [-1, 1], each transformed by chance; differentiable, twice too.

    At p = 0 the very images.
    """
    return images if p == 0 else changed(images, changes(p, draws, images.shape[2]))


def changed(images: Tensor, what: Changes) -> Tensor:
    """Images (N, 3, H, W) after their changes; only those that pixels of move are sampled."""
    for rows, sampling in ((what.moved, 1), (what.warped, 2)):
        if rows.any():
            index = rows.nonzero()[:, 0]
            matrices = what.matrices[index]
            index = index.to(images.device)
            images = images.index_copy(0, index, resampling.warp(images[index], matrices, sampling))
    if (what.colours != torch.eye(4).to(what.colours)).any():
        images = _recoloured(images, what.colours)
    return images


def changed_alike(images: Tensor, what: Changes) -> Tensor:
    """As ``changed``, changes on the images' device, the same operations whatever they are: for a recorded phase."""
    moved, warped = (resampling.warp(images, what.matrices, sampling) for sampling in (1, 2))
    choice = torch.where(what.moved[:, None, None, None], moved, images)
    return _recoloured(torch.where(what.warped[:, None, None, None], warped, choice), what.colours)


def _recoloured(images: Tensor, colours: Tensor) -> Tensor:
    """(N, 3, 3) times colours of all pixels, plus (N, 3, 1)."""
    matrix, offset = colours[:, :3].to(images).split([3, 1], 2)
    return torch.baddbmm(offset, matrix, images.flatten(2)).unflatten(2, images.shape[2:])


def blitting(draws: Draws, p: float, size: int) -> Tensor:
    """Mirroring, quarter turns, whole-pixel translations: (N, 3, 3), source → target, coordinates [-1, 1]."""
    happens, amounts = draws.chances < p, draws.amounts
    matrix = _identity(len(happens), 3)
    # Mirroring is by itself one of two; given that it is drawn, half of the images are mirrored.
    matrix = _scaling(torch.where(happens[:, 0] & (amounts[:, 0] < 0.5), -1.0, 1.0), 1) @ matrix
    quarters = torch.where(happens[:, 1], (amounts[:, 1] * 4).floor(), 0)
    # Of exact numbers: a blit must not sample between pixels.
    turns = torch.tensor([[1, 0, -1, 0], [0, 1, 0, -1]], dtype=torch.float64)[:, quarters.long()]
    matrix = _turning(*turns) @ matrix
    shift = ((amounts[:, 2:4] * 2 - 1) * BLIT_TRANSLATION * size).round() * (2 / size)
    return _translation(shift * happens[:, 2:3]) @ matrix


def geometry(draws: Draws, p: float) -> Tensor:
    """Scaling, rotation, anisotropic scaling, rotation, fractional translation: (N, 3, 3) as ``blitting``."""
    happens, amounts, normals = draws.chances < p, draws.amounts, draws.normals
    matrix = _identity(len(happens), 3)
    isotropic = torch.where(happens[:, 3], 2 ** (normals[:, 0] * SCALE_DEVIATION), 1)
    matrix = _scaling(isotropic, isotropic) @ matrix
    # Two rotations, before and after the anisotropic scaling: p is the probability that one of them happens.
    rotation = 1 - math.sqrt(1 - p)
    matrix = _rotation(draws.chances[:, 4] < rotation, amounts[:, 4]) @ matrix
    anisotropic = torch.where(happens[:, 5], 2 ** (normals[:, 1] * SCALE_DEVIATION), 1)
    matrix = _scaling(anisotropic, 1 / anisotropic) @ matrix
    matrix = _rotation(draws.chances[:, 6] < rotation, amounts[:, 5]) @ matrix
    # As a share of the image, which is 2 wide in these coordinates.
    return _translation(normals[:, 2:4] * (2 * TRANSLATION_DEVIATION) * happens[:, 7:8]) @ matrix


def colour(draws: Draws, p: float) -> Tensor:
    """Brightness, contrast, luma flip, hue, saturation: (N, 4, 4) on homogeneous colours (r, g, b, 1)."""
    happens, amounts, normals = draws.chances < p, draws.amounts, draws.normals
    count, luma = len(happens), torch.full((3,), 1 / math.sqrt(3), dtype=torch.float64)
    matrix = _identity(count, 4)
    brightness = _identity(count, 4)
    brightness[:, :3, 3] = (normals[:, 4] * BRIGHTNESS_DEVIATION * happens[:, 8])[:, None]
    matrix = brightness @ matrix
    contrast = torch.where(happens[:, 9], 2 ** (normals[:, 5] * CONTRAST_DEVIATION), 1)
    matrix = _linear(contrast[:, None, None] * torch.eye(3, dtype=torch.float64)) @ matrix
    # Householder's reflection of the grey axis, for half of those that are drawn.
    axis = torch.outer(luma, luma)
    flipped = (happens[:, 10] & (amounts[:, 6] < 0.5)).double()[:, None, None]
    matrix = _linear(torch.eye(3, dtype=torch.float64) - 2 * axis * flipped) @ matrix
    angle = torch.where(happens[:, 11], (amounts[:, 7] * 2 - 1) * math.pi, 0)[:, None, None]
    cross = torch.linalg.cross(torch.eye(3, dtype=torch.float64), luma.expand(3, 3), dim=0).neg()
    across = torch.eye(3, dtype=torch.float64) - axis
    matrix = _linear(axis + across * angle.cos() + cross * angle.sin()) @ matrix
    saturation = torch.where(happens[:, 12], 2 ** (normals[:, 6] * SATURATION_DEVIATION), 1)[:, None, None]
    return _linear(axis + across * saturation) @ matrix


def adjusted(p: float, mean_sign: float, *, target: float, images: int, kimg: float) -> float:
    """The next p: up where D's real scores have a higher mean sign than ``target``, down otherwise.

    Args:
        mean_sign: r_t of the paper, E[sign D(x)] over the images since the last adjustment.
        images: how many those were.
        kimg: thousands of images in which p can move from 0 to 1.
    """
    step = images / (1000 * kimg)
    return min(max(p + math.copysign(step, mean_sign - target) * (mean_sign != target), 0.0), 1.0)


def _identity(count: int, size: int) -> Tensor:
    return torch.eye(size, dtype=torch.float64).repeat(count, 1, 1)


def _linear(matrix: Tensor) -> Tensor:
    """(N, 3, 3) on colours as (N, 4, 4) on homogeneous ones."""
    out = _identity(len(matrix), 4)
    out[:, :3, :3] = matrix
    return out


def _scaling(x: Tensor, y: Tensor | float) -> Tensor:
    out = _identity(len(x), 3)
    out[:, 0, 0], out[:, 1, 1] = x, y
    return out


def _turning(cosine: Tensor, sine: Tensor) -> Tensor:
    out = _identity(len(cosine), 3)
    out[:, 0, 0], out[:, 0, 1], out[:, 1, 0], out[:, 1, 1] = cosine, -sine, sine, cosine
    return out


def _rotation(happens: Tensor, amount: Tensor) -> Tensor:
    """By (−π, π) where it happens; ``amount`` uniform in [0, 1)."""
    angle = torch.where(happens, (amount * 2 - 1) * math.pi, 0)
    return _turning(angle.cos(), angle.sin())


def _translation(shift: Tensor) -> Tensor:
    out = _identity(len(shift), 3)
    out[:, :2, 2] = shift
    return out
