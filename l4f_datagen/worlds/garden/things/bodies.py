"""Bodies in a thing's own coordinates: turned and round ones with light on them, handles and stems."""

import math
from dataclasses import dataclass

import numpy as np

from ..canvas import Shapes, Strokes, Surface
from ..grain import Grain
from ..light import Light
from .frame import Frame
from .setting import Setting

_STEPS = 256
"""Steps along or around a body in which its radius is kept."""


@dataclass(frozen=True)
class Coat:
    """How a surface looks: two colours, where each is, roughness, gloss."""

    first: np.ndarray
    second: np.ndarray
    pattern: str
    frequency: float
    phase: float
    rough: float
    gloss: float
    shininess: float

    @classmethod
    def draw(cls, rng: np.random.Generator, first: np.ndarray, second: np.ndarray, *, gloss: float) -> "Coat":
        """Draw one of these colours."""
        first, second = first.astype(np.float32), second.astype(np.float32)
        pattern = ("plain", "bands", "patches", "speckles", "graded")[rng.choice(5, p=(0.32, 0.2, 0.18, 0.12, 0.18))]
        frequency, phase = rng.uniform(2, 6), rng.uniform(0, 6)
        return cls(first, second, pattern, frequency, phase, rng.uniform(0.03, 0.3), gloss, rng.uniform(8, 50))

    def colours(self, u: np.ndarray, v: np.ndarray, grain: Grain) -> np.ndarray:
        """Colours (3, h, w) at u, v, both (h, w): around and along the surface, about a unit each."""
        texture = grain.at(u * 0.9 + self.phase, v * 0.9)
        shade = 1 + self.rough * texture
        first = self.first[:, None, None]
        if self.pattern == "plain":
            return first * shade
        if self.pattern == "bands":
            blend = np.clip(2.5 * np.sin(math.pi * self.frequency * v + self.phase), -1, 1) * 0.5 + 0.5
        elif self.pattern == "patches":
            blend = np.clip(grain.at(u * 0.35 + self.phase, v * 0.35) * 9, 0, 1)
        elif self.pattern == "speckles":
            blend = np.clip(texture * 5 - 1.5, 0, 1)
        else:
            blend = np.clip(v * 1.2 - 0.1, 0, 1)
        return (first + (self.second[:, None, None] - first) * blend) * shade


def turned(
    frame: Frame, height: float, radii: np.ndarray, coat: Coat, setting: Setting, *, pitch: float | None = None,
    lift: float = 0.0, ribs: float = 0.0,
) -> Surface:  # fmt: skip
    """A surface of revolution.

    Args:
        height: in the thing's coordinates.
        radii: from bottom to top, evenly spaced.
        pitch: depth of its circles over their width, as they are seen from above; that of the setting if not given.
        lift: where its bottom is.
        ribs: how many ribs run around it, as a pumpkin has them; 0 for none.
    """
    light, grain, n = setting.light, setting.grain, len(radii)
    pitch = setting.pitch if pitch is None else pitch
    arc = np.linspace(0, math.pi, 13)
    t = np.linspace(0, height, n) + lift
    bottom = np.stack([-radii[0] * np.cos(arc), lift - pitch * radii[0] * np.sin(arc)], -1)
    top = np.stack([radii[-1] * np.cos(arc), t[-1] + pitch * radii[-1] * np.sin(arc)], -1)
    right, left = np.stack([radii, t], -1), np.stack([-radii, t], -1)[::-1]
    slope = np.gradient(radii, height / max(1, n - 1)).astype(np.float32)
    # Looked up in steps that are too fine to be seen.
    steps = np.linspace(0, n - 1, _STEPS)
    radii = np.interp(steps, np.arange(n), radii).astype(np.float32)
    slope = np.interp(steps, np.arange(n), slope).astype(np.float32)

    def shade(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across, up = frame.back(x, y)
        across, up = np.broadcast_arrays(across, up)
        along = (up - np.float32(lift)) / np.float32(height)
        radius = radii.take((along * (_STEPS - 1)).astype(np.int32), mode="clip")
        u = np.clip(across / radius, -1, 1)
        front = np.sqrt(1 - u * u)
        along = along + np.float32(pitch / height) * radius * front
        bend = slope.take((along * (_STEPS - 1)).astype(np.int32), mode="clip")
        length = 1 / np.sqrt(1 + bend * bend)
        round_ = 1 + 0.5 * u * u
        colours = coat.colours(u * round_, along, grain)
        if ribs:
            colours = colours * (0.72 + 0.28 * np.abs(np.cos(u * round_ * (ribs / 2))))
        nx, ny, nz = u * length, bend * length, front * length
        lit = colours * light.on(nx, ny, nz)
        return lit + coat.gloss * light.gloss(nx, ny, nz, coat.shininess) if coat.gloss else lit

    return Surface(frame.place(np.concatenate([bottom, right, top, left])[None]), shade)


def opening(frame: Frame, radius: float, up: float, setting: Setting, colour: np.ndarray) -> Shapes:
    """What is seen of a vessel's inside from above: an ellipse where no sun shines."""
    arc = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    points = np.stack([radius * np.cos(arc), up + setting.pitch * radius * np.sin(arc)], -1)
    return Shapes(frame.place(points)[None], (colour * setting.light.sky)[None])


@dataclass(frozen=True)
class Ball:
    """A round body whose outline waves."""

    x: float
    y: float
    width: float
    """Half of it, as of ``height``."""
    height: float
    waves: np.ndarray
    """(k, 2): amplitude and phase of the outline's harmonics, from the second on."""

    def radius(self, angle: np.ndarray) -> np.ndarray:
        """Distance of the outline over that of an ellipse, in a direction."""
        total = np.ones_like(angle)
        for k, (amplitude, phase) in enumerate(self.waves):
            total = total + amplitude * np.cos((k + 2) * angle + phase)
        return total

    def points(self, angle: np.ndarray, share: np.ndarray | float = 1.0) -> np.ndarray:
        """Points (n, 2) of the thing, in a direction and at a share of the outline's distance."""
        reach = self.radius(angle) * share
        return np.stack([self.x + self.width * reach * np.cos(angle), self.y + self.height * reach * np.sin(angle)], -1)

    def surface(self, frame: Frame, coat: Coat, setting: Setting) -> Surface:
        """The body in the light."""
        light, grain = setting.light, setting.grain
        outline = frame.place(self.points(np.linspace(0, 2 * math.pi, 48, endpoint=False)))[None]
        table = (1 / self.radius(np.linspace(0, 2 * math.pi, _STEPS, endpoint=False))).astype(np.float32)

        def shade(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            across, up = frame.back(x, y)
            dx = (across - np.float32(self.x)) / np.float32(self.width)
            dy = (up - np.float32(self.y)) / np.float32(self.height)
            dx, dy = np.broadcast_arrays(dx, dy)
            if len(self.waves):
                turn = np.arctan2(dy, dx) * np.float32(_STEPS / (2 * math.pi))
                share = table.take(turn.astype(np.int32) % _STEPS)
                dx, dy = dx * share, dy * share
            squared = np.minimum(dx * dx + dy * dy, 1)
            front = np.sqrt(1 - squared)
            colours = coat.colours(dx * (1 + squared * 0.5), dy * (0.5 + squared * 0.25) + 0.5, grain)
            lit = colours * light.on(dx, -dy, front)
            return lit + coat.gloss * light.gloss(dx, -dy, front, coat.shininess) if coat.gloss else lit

        return Surface(outline, shade)


def draw_waves(rng: np.random.Generator, strength: float, count: int = 4) -> np.ndarray:
    """Harmonics of an outline, the higher the weaker."""
    falling = strength / np.arange(1, count + 1)
    return np.stack([rng.uniform(-1, 1, count) * falling, rng.uniform(0, 2 * math.pi, count)], -1)


def tube(frame: Frame, line: np.ndarray, width: float, colour: np.ndarray, light: Light) -> list[Strokes]:
    """A handle, a stem or a spout: a line (k, 2) of the thing, lit along its middle and dark along its edge."""
    placed, thick = frame.place(line)[None], width * frame.scale
    side = np.array([-0.25, -0.25]) if light.direction[0] < 0 else np.array([0.25, -0.25])
    dark, bright = colour * light.sky * 0.85, colour * (light.sky + 0.9 * light.sun)
    return [
        Strokes(placed, dark[None], thick),
        Strokes(placed + side * thick * 0.5, (0.5 * dark + 0.5 * bright)[None], thick * 0.55),
        Strokes(placed + side * thick * 0.7, bright[None], thick * 0.2),
    ]
