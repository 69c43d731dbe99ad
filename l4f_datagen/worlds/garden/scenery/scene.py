"""An empty scene: the ground, and what stands where it ends."""

from typing import NamedTuple

import cv2
import numpy as np

from ..canvas import Canvas
from ..colours import varied
from ..grain import Grain
from ..leaves import blades
from ..light import Light
from .backdrops import BACKDROP_SHARES, BACKDROPS, country
from .grounds import GROUNDS

_BLADES = 150
_LOWEST = 1.1
"""How far down blades stand: below the picture's border too, since they reach up into it."""


class Scenery(NamedTuple):
    """An empty scene."""

    planes: np.ndarray
    """3×side×side float32, lit."""
    horizon: float
    """Where the ground ends, in the picture's coordinates."""
    walled: bool
    """Whether it ends at something that shadows climb."""
    palette: tuple[np.ndarray, np.ndarray]
    """Colours, not lit, of what stands above and of the ground."""
    grass: np.ndarray | None
    """The colour of blades, where it grows."""


def draw_scenery(rng: np.random.Generator, side: int, light: Light, grain: Grain) -> Scenery:
    """Draw one; ``side`` is in points."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) * (2 / side) - 1
    backdrop = BACKDROPS[rng.choice(len(BACKDROPS), p=BACKDROP_SHARES)]
    ground = GROUNDS[rng.integers(len(GROUNDS))]
    walled = backdrop is not country
    horizon = float(rng.uniform(-0.35, 0.3) if walled else rng.uniform(-0.4, 0.05))
    border = int(np.searchsorted(axis, horizon))
    picture = np.empty((3, side, side), np.float32)
    upper, above = backdrop(rng, axis[None], axis[:border, None] - horizon, light, grain)
    picture[:, :border] = upper
    lower, below, grass = ground(rng, axis[None], axis[border:, None] - horizon, light, grain)
    picture[:, border:] = lower
    if walled:  # what meets the ground gets less light there, and so does the ground
        near = np.exp(-np.abs(axis - horizon) / 0.07) * rng.uniform(0.15, 0.4)
        picture *= (1 - near)[:, None].astype(np.float32)
    if grass is not None:
        _draw_grass(rng, picture, horizon, grass, light)
    return Scenery(picture, horizon, walled, (above, below), grass)


def _draw_grass(rng: np.random.Generator, picture: np.ndarray, horizon: float, green: np.ndarray, light: Light) -> None:
    """Blades on the ground, larger ones nearer to the eye."""
    side = picture.shape[-1]
    root, length = _grass_roots(rng, horizon)
    canvas = Canvas(side)
    canvas.draw([blades(rng, root, length, 0.5, varied(rng, 0.85 * green * light.level, len(root), 0.3, 0.02), 0.009)])
    *colours, drawn = cv2.split(canvas.pixels)
    np.copyto(picture, np.stack(colours) * np.float32(1 / 255), where=drawn > 0)


def _grass_roots(rng: np.random.Generator, horizon: float) -> tuple[np.ndarray, np.ndarray]:
    """Where blades stand, (n, 2), sorted from far to near, and how long they are, (n,)."""
    y = np.sort(horizon + (_LOWEST - horizon) * np.sqrt(rng.random(_BLADES)))
    length = (0.03 + 0.16 * (y - horizon)) * rng.uniform(0.5, 1.2, _BLADES)
    return np.stack([rng.uniform(-1.05, 1.05, _BLADES), y], -1), length
