"""The ground that things stand on, in perspective."""

import math
from collections.abc import Callable

import numpy as np

from ..colours import draw_colour, draw_green, planes
from ..grain import Grain
from ..light import Light

Ground = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Colours in the light, (3, h, w); the colour that is meant, (3,); that of the grass which grows there, or None."""


def lawn(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Ground:
    """Grass."""
    green = draw_colour(rng, (0.17, 0.36), (0.3, 0.65), (0.3, 0.62))
    across, far = _ground_plane(x, y)
    shade = 0.85 + 0.3 * grain.at(across * 0.4, far * 0.4) + 0.35 * grain.at(across * 2.5, far * 1.2) * _near(y)
    return planes(green * light.level) * shade, green, green


def soil(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Ground:
    """Earth, sand or gravel; on some of it grass grows here and there."""
    colour = draw_colour(rng, (0.05, 0.12), (0.08, 0.5), (0.25, 0.75))
    across, far = _ground_plane(x, y)
    rough = rng.uniform(0.2, 0.6)
    shade = 1 + 0.2 * grain.at(across * 0.5, far * 0.5) + rough * grain.at(across * 3, far * 2) * _near(y)
    picture = planes(colour * light.level) * shade
    return picture, colour, (0.75 * draw_green(rng) if rng.random() < 0.35 else None)


def paving(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Ground:
    """Tiles or slabs in perspective, of one colour or of two."""
    colour = draw_colour(rng, (0.02, 0.16), (0.03, 0.4), (0.4, 0.8))
    other = colour * rng.uniform(0.55, 0.95) if rng.random() < 0.4 else colour
    across, far = _ground_plane(x, y)
    size, turn = rng.uniform(0.35, 0.8), rng.uniform(-0.5, 0.5)
    u, v = (
        (across * math.cos(turn) - far * math.sin(turn)) / size,
        (across * math.sin(turn) + far * math.cos(turn)) / size,
    )
    column, row = np.floor(u), np.floor(v)
    joint = ((u - column < 0.07) | (v - row < 0.07)) * _near(y)
    shade = 1 + 0.12 * grain.of(column * 5 + row * 17) + 0.22 * grain.at(across, far)
    shade = shade * (1 - 0.45 * joint)
    odd = (column + row) % 2
    picture = planes(colour * light.level) * shade + planes((other - colour) * light.level) * (shade * odd)
    return picture, colour, None


def deck(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Ground:
    """Boards that run into the distance or across: a terrace, or a table's top."""
    colour = draw_colour(rng, (0.05, 0.1), (0.15, 0.55), (0.35, 0.75))
    across, far = _ground_plane(x, y)
    along, over = (far, across) if rng.random() < 0.6 else (across, far)
    place = over / rng.uniform(0.25, 0.55) + 30.4
    board = np.floor(place)
    shade = 1 + 0.18 * grain.of(board) + 0.3 * grain.at(place * 2, along * 0.25 + board * 0.37) * _near(y)
    shade = shade * (1 - 0.6 * (place - board < 0.09) * _near(y))
    return planes(colour * light.level) * shade, colour, None


def _ground_plane(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places on the ground, across and into the distance, that are seen ``y`` below the horizon."""
    distance = np.float32(1) / (y + np.float32(0.14))
    return x * distance, distance * np.float32(1.2)


def _near(y: np.ndarray) -> np.ndarray:
    """How much of the ground's detail is seen: none at the horizon, all at the eye's feet."""
    return np.clip((y - 0.02) * 3.5, 0, 1)


GROUNDS: tuple[Callable[[np.random.Generator, np.ndarray, np.ndarray, Light, Grain], Ground], ...] = (
    lawn, soil, paving, deck,
)  # fmt: skip
"""Each draws itself at x (1, w) and y (h, 1), y being 0 at the horizon."""
