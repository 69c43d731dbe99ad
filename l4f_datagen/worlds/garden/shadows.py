"""Shadows of things on the ground, and on the wall where the ground ends at one."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from .canvas import Move, fill_silhouette
from .light import Light
from .scenery.scene import Scenery
from .things.thing import Thing

_CONTACT = 0.3 * np.stack([np.cos(turn := np.linspace(0, 2 * math.pi, 16, endpoint=False)), 0.3 * np.sin(turn)], -1)
"""Where a thing of height 1 takes all light from the ground that it stands on."""
_SHARPEST = 0.3
"""Least blur, in pixels."""


def cast_shadows(things: Sequence[Thing], light: Light, scenery: Scenery, size: int) -> np.ndarray:
    """The share of light that is missing, size×size float32 [0, 1]."""
    canvas = np.zeros((size, size), np.uint8)
    for thing in things:
        stands = np.array([thing.frame.x, thing.frame.y])
        fill_silhouette(canvas, thing.parts, _falling(thing, light, scenery))
        fill_silhouette(canvas, [_CONTACT * thing.frame.scale + stands], lambda points: points)
    soft = cv2.GaussianBlur(canvas, (0, 0), max(_SHARPEST, light.softness * size)) * np.float32(light.depth / 255)
    if scenery.walled:
        return soft
    axis = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    return soft * np.clip((axis - scenery.horizon) * 8, 0, 1)[:, None]


def _falling(thing: Thing, light: Light, scenery: Scenery) -> Move:
    """Points of a thing → of its shadow."""
    stands = thing.frame.y
    climbs = scenery.walled and light.reach > 0
    highest = max((stands - scenery.horizon) / light.reach, 0.0) if climbs else np.inf
    """What is higher casts its shadow on the wall."""

    def fall(points: np.ndarray) -> np.ndarray:
        height = np.maximum(stands - points[..., 1], 0)
        on_ground = np.minimum(height, highest)
        shadow = np.empty_like(points)
        shadow[..., 0] = points[..., 0] + light.lean * on_ground
        shadow[..., 1] = stands - light.reach * on_ground - (height - on_ground)
        return shadow

    return fall
