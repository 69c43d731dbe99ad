"""Where things stand: alone, in groups that overlap, scattered; and what grows before them."""

from collections.abc import Sequence

import numpy as np

from .canvas import Strokes
from .colours import varied
from .leaves import blades
from .light import Light
from .scenery.scene import Scenery
from .things.frame import Frame
from .things.setting import Setting
from .things.thing import Thing, draw_kinds, draw_thing

MOST = 4
"""Things in a picture."""
_COUNTS = (0.45, 0.27, 0.18, 0.1)
"""How often there are one, two, three and four."""
_SIZES = (1.4, 1.15, 1.0, 0.9)
"""Height of the largest of one, two, three and four things."""
_NEAREST = 0.95
"""How far down things stand."""


def draw_things(rng: np.random.Generator, setting: Setting, scenery: Scenery) -> list[Thing]:
    """Draw them, sorted from far to near."""
    count = 1 + int(rng.choice(MOST, p=_COUNTS))
    farthest = max(scenery.horizon + 0.12, 0.15)
    scales = _SIZES[count - 1] * rng.uniform(0.85, 1.15) * rng.uniform(0.7, 1.0, count)
    middle, shift = rng.uniform(farthest, _NEAREST), rng.uniform(-0.25, 0.25)
    if rng.random() < 0.65:  # a group
        y, step = middle + rng.uniform(-0.12, 0.12, count), rng.uniform(0.4, 0.8)
    else:
        y, step = rng.uniform(farthest, _NEAREST, count), rng.uniform(0.7, 1.0)
    x = (np.arange(count) - (count - 1) / 2) * step * scales.mean() + rng.uniform(-0.08, 0.08, count)
    x = np.clip(x + shift / count**0.5, -0.85, 0.85)
    rng.shuffle(x)
    y.sort()
    scales *= 0.8 + 0.25 * (y - farthest)  # what is farther away is smaller
    tilts = rng.normal(0, 0.05, count)
    frames = (Frame(*map(float, place)) for place in zip(x, y, scales, tilts, strict=True))
    return [draw_thing(rng, kind, frame, setting) for kind, frame in zip(draw_kinds(rng, count), frames, strict=True)]


def draw_grass_before(
    rng: np.random.Generator, things: Sequence[Thing], scenery: Scenery, light: Light
) -> list[Strokes]:
    """Blades of grass that stand before the lower ends of things, where grass grows."""
    if scenery.grass is None:
        return []
    parts = []
    for frame in (thing.frame for thing in things):
        count = int(rng.integers(8, 30))
        x = frame.x + frame.scale * rng.uniform(-0.45, 0.45, count)
        y = frame.y + frame.scale * rng.uniform(0.06, 0.2, count)
        length = (0.06 + 0.12 * max(frame.y - scenery.horizon, 0)) * rng.uniform(0.6, 1.6, count)
        colours = varied(rng, 0.8 * scenery.grass * light.level, count, 0.35, 0.02)
        parts.append(blades(rng, np.stack([x, y], -1), length, 0.5, colours, 0.009))
    return parts
