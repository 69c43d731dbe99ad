"""What a thing is drawn in: light, texture, the colours around it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..canvas import Part
from ..colours import draw_colour, varied
from ..grain import Grain
from ..light import Light
from .frame import Frame


class Setting(NamedTuple):
    """What a thing is drawn in."""

    light: Light
    grain: Grain
    palette: tuple[np.ndarray, ...]
    """Colours of what is behind."""
    pitch: float
    """How far from above the picture is taken: depth of circles over their width."""

    def colour(self, rng: np.random.Generator, saturation: float = 0.8) -> np.ndarray:
        """A colour near one of those behind the thing, as often as not; else any."""
        if rng.random() < 0.5:
            return self.near(rng)
        return draw_colour(rng, (0, 1), (0.05, saturation), (0.25, 0.95))

    def near(self, rng: np.random.Generator) -> np.ndarray:
        """A colour near one of those behind the thing."""
        chosen = self.palette[rng.integers(len(self.palette))]
        return np.clip(varied(rng, chosen, 1, 0.22, 0.06)[0], 0.04, 0.95)


Maker = Callable[[np.random.Generator, Frame, Setting], list[Part]]
"""Draws one thing of a kind."""
