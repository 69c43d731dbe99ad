"""Leaves and blades: many at once, as polygons and as lines."""

import math

import numpy as np

from .canvas import Shapes, Strokes
from .light import Light

_ALONG = np.linspace(0, 1, 6, dtype=np.float32)


def leaves(
    base: np.ndarray, angle: np.ndarray, length: np.ndarray, width: float, bend: np.ndarray, *, round_: float = 1.0
) -> np.ndarray:
    """Both halves of leaves: (2n, 12, 2), a left half and a right one in turn.

    Args:
        base: where they begin, (n, 2).
        angle: where they point, (n,) in radians; 0 is right, growing downwards in the picture.
        length: (n,).
        width: of the whole leaf over its length.
        bend: how far they turn from base to tip, (n,) in radians.
        round_: below 1 the leaf is widest near its tip, above it near its base.
    """
    turned = angle[:, None] + bend[:, None] * _ALONG
    direction = np.stack([np.cos(turned), np.sin(turned)], -1)
    steps = direction[:, :-1] * (length[:, None, None] / (len(_ALONG) - 1))
    rib = np.concatenate([base[:, None], base[:, None] + np.cumsum(steps, 1)], 1)
    across = np.stack([-direction[..., 1], direction[..., 0]], -1)
    half = np.sin(math.pi * _ALONG**round_) * (width / 2)
    edge = across * (half * length[:, None])[..., None]
    left = np.concatenate([rib, (rib + edge)[:, ::-1]], 1)
    right = np.concatenate([rib, (rib - edge)[:, ::-1]], 1)
    return np.stack([left, right], 1).reshape(2 * len(base), -1, 2)


def lit_leaves(
    rng: np.random.Generator, light: Light, outlines: np.ndarray, colours: np.ndarray, *, fold: float = 0.16
) -> Shapes:
    """Leaves in the light: each leans to a side of its own, and its halves are of two lightnesses.

    Args:
        outlines: as ``leaves`` makes them, 2n.
        colours: of the leaves, (n, 3).
    """
    n = len(colours)
    lean = rng.normal(0, 0.6, (3, n))
    lean[1] -= 0.8
    lean[2] += 0.7
    lean /= np.sqrt((lean * lean).sum(0))
    shaded = colours * light.on(*lean).T
    side = fold * (1 if light.direction[0] < 0 else -1)
    halves = np.stack([shaded * (1 + side), shaded * (1 - side)], 1).reshape(2 * n, 3)
    return Shapes(outlines, halves)


def blades(
    rng: np.random.Generator, root: np.ndarray, length: np.ndarray, spread: float, colours: np.ndarray, width: float
) -> Strokes:
    """Blades of grass, lines of four points that stand at ``root`` (n, 2) and lean to both sides."""
    n = len(root)
    lean = rng.normal(0, spread, n)
    rise = np.array([0, 0.4, 0.75, 1.0], np.float32)
    x = root[:, :1] + (lean * length)[:, None] * rise**2
    y = root[:, 1:] - length[:, None] * (rise - 0.25 * np.abs(lean)[:, None].clip(0, 1) * rise**2)
    return Strokes(np.stack([x, y], -1), colours, width)
