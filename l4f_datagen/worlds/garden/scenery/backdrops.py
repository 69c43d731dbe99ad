"""What stands where the ground ends: walls, a fence, a hedge, or the open country."""

import math
from collections.abc import Callable

import cv2
import numpy as np

from ..canvas import Canvas
from ..colours import draw_colour, draw_green, planes, varied
from ..grain import Grain
from ..leaves import leaves, lit_leaves
from ..light import Light

Backdrop = tuple[np.ndarray, np.ndarray]
"""Colours in the light, (3, h, w), and the colour that is meant, (3,)."""


def bricks(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Backdrop:
    """Courses of bricks or of hewn stone, with mortar between them."""
    stone = rng.random() < 0.35
    colour = (
        draw_colour(rng, (0.05, 0.14), (0.05, 0.25), (0.45, 0.8))
        if stone
        else draw_colour(rng, (0.0, 0.07), (0.25, 0.6), (0.35, 0.7))
    )
    mortar = draw_colour(rng, (0.05, 0.15), (0.02, 0.15), (0.4, 0.8))
    height = rng.uniform(0.11, 0.2) * (1.6 if stone else 1)
    width, gap = height * rng.uniform(1.8, 2.8), rng.uniform(0.05, 0.12)
    row = np.floor(y / height)
    shifted = x / width + 0.5 * (row % 2) + 10
    column = np.floor(shifted)
    inside_y, inside_x = y / height - row, shifted - column
    joint = (inside_y < gap) | (inside_x < gap * height / width)
    shade = 1 + 0.22 * grain.of(row * 7 + column * 13) + 0.22 * grain.at(x * 2, y * 2)
    tint = 0.05 * grain.of(row * 5 + column * 11, 1)
    faces = planes(colour) * shade + planes(np.array([1, 0.2, -0.8], np.float32)) * tint
    lines = planes(mortar) * (1 + 0.2 * grain.at(x * 3, y * 3))
    # The lower edge of a brick lies in its own shadow.
    edge = 1 - 0.3 * (inside_y > 0.9)
    return np.where(joint, lines, faces * edge) * _facing(light), colour


def boards(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Backdrop:
    """A fence: boards side by side, upright or lying."""
    colour = (
        draw_colour(rng, (0.05, 0.11), (0.15, 0.55), (0.35, 0.75))
        if rng.random() < 0.75
        else draw_colour(rng, (0, 1), (0.05, 0.4), (0.4, 0.85))
    )
    x, y = (x, y) if rng.random() < 0.7 else (y, x)
    width, gap = rng.uniform(0.16, 0.34), rng.uniform(0.04, 0.12)
    place = x / width + 20.3
    board = np.floor(place)
    inside = place - board
    shade = 1 + 0.2 * grain.of(board) + 0.3 * grain.at(x * 4 + 0.37 * board, y * 0.35 + board * 0.7)
    shade = shade * (1 - 0.65 * (inside < gap)) * (1 + 0.15 * ((inside > gap) & (inside < 2 * gap)))
    return planes(colour) * _facing(light) * shade, colour


def plaster(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Backdrop:
    """A painted wall with stains, perhaps in two colours."""
    colour = draw_colour(rng, (0, 1), (0.02, 0.3), (0.5, 0.9))
    second = draw_colour(rng, (0, 1), (0.05, 0.35), (0.3, 0.8)) if rng.random() < 0.45 else colour
    height = rng.uniform(0.2, 0.6)
    edge = y + 0.008 * grain.at(x * 3, y * 0) > -height
    stains = 1 + rng.uniform(0.06, 0.2) * grain.at(x * 0.5, y * 0.4) + 0.08 * grain.at(x * 2.2, y * 2.2)
    damp = 1 - rng.uniform(0.1, 0.4) * np.exp(y / 0.18) * np.clip(0.6 + grain.at(x, y * 0), 0, 1)
    both = np.where(edge, planes(second), planes(colour)) * _facing(light)
    return both * (stains * damp), (colour + second) / 2


def hedge(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Backdrop:
    """Leaves before leaves, with dark gaps, some with flowers."""
    green, side = draw_green(rng), x.shape[1]
    deep = planes(0.4 * green * light.sky) * (1 + 0.6 * grain.at(x, y))
    canvas, horizon = Canvas(side), float(-1 - y[0, 0])
    count, size = 160, rng.uniform(0.1, 0.22)
    place = np.stack([rng.uniform(-1.05, 1.05, count), rng.uniform(-1.1, horizon + 0.05, count)], -1)
    bunch = grain.at(place[:, :1] * 0.7, place[:, 1:] * 0.7)[:, 0]
    outlines = leaves(
        place, rng.uniform(0, 2 * math.pi, count), size * rng.uniform(0.6, 1.3, count), rng.uniform(0.35, 0.7),
        rng.normal(0, 0.4, count),
    )  # fmt: skip
    colours = varied(rng, green, count, 0.2, 0.03) * (0.85 + 0.5 * bunch)[:, None]
    if rng.random() < 0.3:
        colours[-rng.integers(8, 40) :] = varied(rng, draw_colour(rng, (0, 1), (0.2, 0.8), (0.7, 1)), 1, 0, 0)
    canvas.draw([lit_leaves(rng, light, outlines, colours)])
    *drawn, seen = cv2.split(canvas.pixels[: len(y)])
    return np.where(seen > 0, np.stack(drawn) * np.float32(1 / 255), deep), green


def country(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, light: Light, grain: Grain) -> Backdrop:
    """Sky with clouds, hills in haze, bushes and trees in the distance."""
    top = draw_colour(rng, (0.55, 0.63), (0.1, 0.6), (0.6, 0.95))
    low = draw_colour(rng, (-0.4, 0.15), (0.0, 0.2), (0.8, 1.0))
    depth = np.clip(-y / 1.1, 0, 1)
    clouds = np.clip(grain.at(x * 0.45, y * 0.9) * 1.6, 0, 1) * rng.uniform(0, 0.6)
    sky = planes(low) + planes(top - low) * depth
    sky = sky + (1 - sky) * clouds
    for layer in range(3):
        base, height = (0.3, 0.16, 0.05)[layer] * rng.uniform(0.5, 1.3), (0.25, 0.12, 0.16)[layer]
        ridge = base + height * grain.at(x * (0.3, 0.6, 1.3)[layer], x * 0 + layer * 0.6)[0]
        ridge = ridge + (0.0, 0.02, 0.05)[layer] * grain.at(x * 4, x * 0 + layer * 0.3)[0]
        green = draw_green(rng) * light.level * (0.9, 0.75, 0.6)[layer]
        haze = (0.6, 0.35, 0.1)[layer]
        mottled = 1 + 0.35 * grain.at(x * 2, y * 3 + layer)
        hill = planes(green * (1 - haze) + low * haze * 0.8) * mottled
        sky = np.where(-y < ridge, hill, sky)
    return sky, green / light.level


def _facing(light: Light) -> np.ndarray:
    """Light on something upright that faces the eye."""
    return planes(light.sky + light.sun * max(0.12, float(light.direction[2]) + 0.15) * 0.8)


BACKDROPS: tuple[Callable[[np.random.Generator, np.ndarray, np.ndarray, Light, Grain], Backdrop], ...] = (
    bricks, boards, plaster, hedge, country,
)  # fmt: skip
"""Each draws itself at x (1, w) and y (h, 1), y being 0 at the ground and below 0 above it."""
BACKDROP_SHARES = (0.2, 0.18, 0.17, 0.2, 0.25)
"""How often each is drawn."""
