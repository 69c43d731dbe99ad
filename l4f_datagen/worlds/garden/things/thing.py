"""The foreground: kinds of things, and one thing of a kind."""

from typing import NamedTuple

import numpy as np

from ..canvas import Part
from .frame import Frame
from .furry import cactus, creature
from .objects import can, fruit, mushroom
from .plants import flowers, plant
from .setting import Maker, Setting


class Thing(NamedTuple):
    """What is drawn, in this order, and where it stands."""

    parts: list[Part]
    frame: Frame


KINDS: tuple[Maker, ...] = (plant, flowers, can, fruit, mushroom, creature, cactus)
_SHARES = (0.3, 0.08, 0.17, 0.14, 0.09, 0.14, 0.08)
"""How often each kind is drawn."""
_ALIKE = 0.35
"""How often all things of a picture are of one kind."""


def draw_kinds(rng: np.random.Generator, count: int) -> list[Maker]:
    """Draw the kinds of ``count`` things."""
    numbers = rng.choice(len(KINDS), count, p=_SHARES)
    return [KINDS[numbers[0]]] * count if rng.random() < _ALIKE else [KINDS[number] for number in numbers]


def draw_thing(rng: np.random.Generator, kind: Maker, frame: Frame, setting: Setting) -> Thing:
    """Draw one thing of a kind."""
    return Thing(kind(rng, frame, setting), frame)
