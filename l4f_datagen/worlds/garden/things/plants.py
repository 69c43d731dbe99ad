"""Plants: in pots or growing from the ground."""

import math

import numpy as np

from ..canvas import Part, Shapes, Strokes
from ..colours import draw_colour, draw_green, varied
from ..leaves import leaves, lit_leaves
from .bodies import Coat, opening, turned
from .frame import Frame
from .setting import Setting


def plant(rng: np.random.Generator, frame: Frame, setting: Setting) -> list[Part]:
    """A pot with a plant: a bush, stems with leaves, long blades, or flowers."""
    parts: list[Part] = []
    height, top = rng.uniform(0.32, 0.5), rng.uniform(0.2, 0.34)
    radii = np.linspace(top * rng.uniform(0.6, 0.85), top, 8)
    rim = rng.random() < 0.6
    clay = draw_colour(rng, (0.02, 0.07), (0.4, 0.7), (0.5, 0.8))
    colour = clay if rng.random() < 0.45 else setting.colour(rng, 0.6)
    coat = Coat.draw(rng, colour, setting.colour(rng), gloss=rng.choice((0, 0, 0.3)))
    parts.append(turned(frame, height, radii, coat, setting))
    if rim:
        band = np.full(3, top * 1.1)
        parts.append(turned(frame, 0.09, band, coat, setting, lift=height - 0.05))
    up = height + (0.04 if rim else 0)
    soil = draw_colour(rng, (0.05, 0.1), (0.2, 0.5), (0.12, 0.3))
    parts.append(opening(frame, top * (1 if rim else 0.92), up, setting, soil))
    return parts + _GREENERY[rng.integers(len(_GREENERY))](rng, frame, setting, up, top)


def flowers(rng: np.random.Generator, frame: Frame, setting: Setting) -> list[Part]:
    """Flowers that grow from the ground."""
    return _flowers(rng, frame, setting, 0.0, rng.uniform(0.05, 0.2))


def _bush(rng: np.random.Generator, frame: Frame, setting: Setting, up: float, wide: float) -> list[Part]:
    count = int(rng.integers(25, 60))
    reach = rng.uniform(0.24, 0.4)
    angle = rng.uniform(-0.25, math.pi + 0.25, count)
    share = np.sqrt(rng.random(count))
    base = np.stack(
        [reach * share * np.cos(angle) * 0.7, up + 0.1 + reach * share * np.maximum(np.sin(angle), -0.2)], -1
    )
    colours = varied(rng, _leaf_colour(rng, setting), count, 0.25, 0.03)
    way = angle + rng.normal(0, 0.5, count)
    return [grown(rng, frame, setting, base, way, rng.uniform(0.1, 0.26, count), colours, rng.uniform(0.3, 0.7))]


def _stems(rng: np.random.Generator, frame: Frame, setting: Setting, up: float, wide: float) -> list[Part]:
    count = int(rng.integers(3, 8))
    green = _leaf_colour(rng, setting)
    lines = _stem_lines(rng, count, up, wide)
    parts: list[Part] = [_drawn_stems(frame, setting, lines, green * 0.8, rng.uniform(0.012, 0.03))]
    along = rng.integers(2, lines.shape[1], (count, 6))
    base = lines[np.arange(count)[:, None], along].reshape(-1, 2)
    way = np.where(rng.random(len(base)) < 0.5, 0.3, math.pi - 0.3) + rng.normal(0, 0.4, len(base))
    colours = varied(rng, green, len(base), 0.25, 0.03)
    length = rng.uniform(0.12, 0.3) * rng.uniform(0.6, 1.2, len(base))
    return [*parts, grown(rng, frame, setting, base, way, length, colours, rng.uniform(0.25, 0.6))]


def _blades(rng: np.random.Generator, frame: Frame, setting: Setting, up: float, wide: float) -> list[Part]:
    count = int(rng.integers(14, 34))
    angle = math.pi / 2 + rng.normal(0, 0.55, count)
    bend = np.sign(math.pi / 2 - angle) * rng.uniform(0.2, 1.3, count)
    base = np.stack([rng.uniform(-0.6, 0.6, count) * wide, np.full(count, up)], -1)
    outlines = leaves(
        frame.place(base),
        frame.angle(angle),
        frame.scale * rng.uniform(0.3, 0.65, count),
        rng.uniform(0.06, 0.16),
        bend,
    )
    return [lit_leaves(rng, setting.light, outlines, varied(rng, _leaf_colour(rng, setting), count, 0.25, 0.03))]


def _flowers(rng: np.random.Generator, frame: Frame, setting: Setting, up: float, wide: float) -> list[Part]:
    count = int(rng.integers(3, 9))
    green = draw_green(rng)
    lines = _stem_lines(rng, count, up, wide)
    parts: list[Part] = [_drawn_stems(frame, setting, lines, green * 0.8, rng.uniform(0.012, 0.025))]
    base = lines[:, 2]
    way = np.where(rng.random(count) < 0.5, 0.7, math.pi - 0.7) + rng.normal(0, 0.3, count)
    parts.append(
        grown(rng, frame, setting, base, way, rng.uniform(0.12, 0.35, count), varied(rng, green, count, 0.2, 0.03), 0.3)
    )
    colour = setting.colour(rng) if rng.random() < 0.4 else draw_colour(rng, (0, 1), (0.1, 0.9), (0.7, 1))
    petals, size = int(rng.integers(5, 12)), rng.uniform(0.07, 0.15)
    heads, turn = np.repeat(lines[:, -1], petals, 0), np.arange(petals) * (2 * math.pi / petals)
    turns = (turn + rng.uniform(0, 6, (count, 1))).ravel()
    shades = varied(rng, colour, len(heads), 0.12, 0.02)
    parts.append(grown(rng, frame, setting, heads, turns, np.full(len(heads), size), shades, rng.uniform(0.4, 0.7)))
    hearts = lines[:, -1:] + _ring(0.28 * size)
    yellow = draw_colour(rng, (0.08, 0.16), (0.6, 0.9), (0.3, 0.9)) * setting.light.level
    parts.append(Shapes(frame.place(hearts), np.repeat(yellow[None], count, 0)))
    return parts


def _stem_lines(rng: np.random.Generator, count: int, up: float, wide: float) -> np.ndarray:
    s = np.linspace(0, 1, 7)
    start = rng.uniform(-0.6, 0.6, count) * wide
    tall, lean = rng.uniform(0.35, 0.75, count), rng.normal(0, 0.22, count)
    return np.stack([start[:, None] + lean[:, None] * s**2, up + tall[:, None] * (s - 0.12 * s**3)], -1)


def _drawn_stems(frame: Frame, setting: Setting, lines: np.ndarray, colour: np.ndarray, width: float) -> Strokes:
    lit = np.repeat((colour * setting.light.level)[None], len(lines), 0)
    return Strokes(frame.place(lines), lit, width * frame.scale)


def _leaf_colour(rng: np.random.Generator, setting: Setting) -> np.ndarray:
    return setting.colour(rng) if rng.random() < 0.2 else draw_green(rng)


def grown(
    rng: np.random.Generator, frame: Frame, setting: Setting, base: np.ndarray, way: np.ndarray, length: np.ndarray,
    colours: np.ndarray, width: float = 0.5,
) -> Shapes:  # fmt: skip
    """Leaves or petals of a thing, each bent a little; base, direction and length as ``leaves`` takes them.

    Args:
        colours: (n, 3).
        width: of a leaf over its length.
    """
    bend = rng.normal(0, 0.35, len(base))
    outlines = leaves(frame.place(base), frame.angle(way), frame.scale * length, width, bend)
    return lit_leaves(rng, setting.light, outlines, colours)


def _ring(radius: float) -> np.ndarray:
    turn = np.linspace(0, 2 * math.pi, 10, endpoint=False)
    return radius * np.stack([np.cos(turn), np.sin(turn)], -1)


_GREENERY = (_bush, _stems, _blades, _flowers)
