"""Vessels: a lit, glazed surface of revolution before a patterned wall.

Vessel and wall are drawn independently of each other, so that swapping walls gives plausible
pictures. The wall's pattern is stationary, as are the backgrounds of a StyleGAN2 whose first layer
is switched off. Coordinates run from -1 to 1, x to the right and y down.

The order in which random numbers are drawn is part of what a picture is: change it, and every
index shows another vessel.
"""

import colorsys
import math
from typing import NamedTuple

import numpy as np

from .rendering import Rendering

SUPERSAMPLING = 2
"""Points per pixel and axis; the coverage of a pixel is a multiple of 1/4."""
_PROFILE_SAMPLES = 256
_PROFILE_REACH = 45
"""Half the width of the filter that smooths a profile, in its samples."""


def render(*, seed: int, index: int, size: int) -> Rendering:
    """Draw vessel ``index``; see ``worlds.render``."""
    rng = np.random.default_rng((seed, index))
    side = size * SUPERSAMPLING
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    wall = _draw_wall(rng, axis)
    shape, glaze = _Shape.draw(rng), _Glaze.draw(rng)
    rows, columns = shape.box(size)

    # Only the box around the vessel differs from the wall.
    fine_rows, fine_columns = (slice(SUPERSAMPLING * s.start, SUPERSAMPLING * s.stop) for s in (rows, columns))
    across, along = shape.coordinates(axis[fine_columns], axis[fine_rows, None])
    inside, row = shape.covers(across, along)
    scene = wall[fine_rows, fine_columns].copy()
    scene[inside] = glaze.shade(shape, across[inside], along[inside], row[inside])

    background = _to_uint8(_shrink(wall))
    image, alpha = background.copy(), np.zeros((size, size), np.uint8)
    image[rows, columns] = _to_uint8(_shrink(scene))
    alpha[rows, columns] = _to_uint8(_shrink(inside[..., None].astype(float)))[..., 0]
    return Rendering(image=image, alpha=alpha, background=background, instances=1)


class _Shape(NamedTuple):
    """Where a vessel stands and what its outline is."""

    tilt: float
    half: float
    """Half of its height, in the picture's coordinates."""
    x: float
    y: float
    radius: np.ndarray
    """Along the axis of revolution, top to bottom."""
    slope: np.ndarray
    """How fast the radius grows, per unit of length along the axis."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Shape":
        """Draw one: six knots, interpolated and smoothed, give the outline."""
        tilt, half = rng.uniform(-0.17, 0.17), rng.uniform(0.5, 0.82)
        x, y = rng.uniform(-0.15, 0.15), rng.uniform(-0.1, 0.1)
        knots = rng.uniform(0.14, 0.55, 6)
        knots[-1] = rng.uniform(0.18, 0.42)  # it has to stand on something
        radius = np.interp(np.linspace(0, 5, _PROFILE_SAMPLES), np.arange(6), knots)
        radius = np.convolve(np.pad(radius, _PROFILE_REACH, mode="edge"), _SMOOTHING, mode="valid")
        slope = np.gradient(radius) * (_PROFILE_SAMPLES / 2)
        return cls(tilt, half, x, y, radius, slope / half)

    def coordinates(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(across, along) the axis of revolution; along is -1 at the top and 1 at the bottom of the vessel."""
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        x, y = x - self.x, y - self.y
        return x * cos + y * sin, (-x * sin + y * cos) / self.half

    def covers(self, across: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether points lie on the vessel, and the sample of the outline at their height."""
        row = ((np.clip(along, -1, 1) * 0.5 + 0.5) * (len(self.radius) - 1)).astype(int)
        return (np.abs(along) <= 1) & (np.abs(across) < self.radius[row]), row

    def box(self, size: int) -> tuple[slice, slice]:
        """Rows and columns of pixels that the vessel can touch."""
        widest, cos, sin = self.radius.max(), math.cos(self.tilt), abs(math.sin(self.tilt))
        reach_x, reach_y = widest * cos + self.half * sin, widest * sin + self.half * cos
        return _pixels(self.y, reach_y, size), _pixels(self.x, reach_x, size)


class _Glaze(NamedTuple):
    """How the surface of a vessel looks."""

    light: np.ndarray
    """Direction to the light, a unit vector."""
    halfway: np.ndarray
    """Direction half-way between light and eye, a unit vector."""
    shininess: float
    gloss: float
    first: np.ndarray
    second: np.ndarray
    bands: float
    phase: float
    sharpness: float
    graded: bool
    """Whether one colour passes into the other from top to bottom; else they alternate in bands."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Glaze":
        """Draw one."""
        light = _unit(np.array([rng.uniform(-0.8, 0.8), rng.uniform(-1.0, -0.3), rng.uniform(0.5, 1.0)]))
        return cls(
            light=light,
            halfway=_unit(light + np.array([0, 0, 1])),
            shininess=rng.uniform(10, 50),
            gloss=rng.uniform(0.15, 0.7),
            first=_draw_colour(rng, (0.25, 0.9), (0.35, 1.0)),
            second=_draw_colour(rng, (0.1, 0.9), (0.2, 1.0)),
            bands=rng.uniform(2, 7),
            phase=rng.uniform(0, 2 * math.pi),
            sharpness=rng.uniform(1, 7),
            graded=rng.random() < 0.45,
        )

    def shade(self, shape: _Shape, across: np.ndarray, along: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Colours of points on a vessel: float64 (N, 3), [0, 1]. Lambert's diffuse and Blinn's specular light."""
        # (u, -slope, √(1 − u²)) is normal to the surface; its length √(1 + slope²) is the same all around.
        length = np.sqrt(1 + shape.slope * shape.slope)
        u = across / shape.radius[row]
        normal = (u, -shape.slope[row], np.sqrt(1 - u * u))
        length = length[row]
        diffuse = np.maximum(_dot(normal, self.light) / length, 0)
        gloss = np.maximum(_dot(normal, self.halfway) / length, 0) ** self.shininess * self.gloss
        if self.graded:
            blend = along * 0.5 + 0.5
        else:
            wave = np.sin(math.pi * self.bands * along + self.phase)
            blend = np.clip(wave * self.sharpness, -1, 1) * 0.5 + 0.5
        colour = self.first + (self.second - self.first) * blend[:, None]
        return np.clip(colour * (0.22 + 0.85 * diffuse)[:, None] + gloss[:, None], 0, 1)


def _draw_wall(rng: np.random.Generator, axis: np.ndarray) -> np.ndarray:
    """A base colour, grain and, mostly, stripes or checks: float64 side×side×3, [0, 1]."""
    base = _draw_colour(rng, (0.0, 0.5), (0.25, 0.9))
    grain = 0.6 * _draw_noise(rng, len(axis), int(rng.integers(5, 9))) + 0.4 * _draw_noise(rng, len(axis), 16)
    shade = 1 + rng.uniform(0.1, 0.45) * (grain - 0.5)
    kind, angle, frequency = rng.random(), rng.uniform(0, math.pi), rng.uniform(3, 7)
    phase, contrast = rng.uniform(0, 2 * math.pi, 2), rng.uniform(0.06, 0.2)
    if kind > 0.4:
        cos, sin, y = math.cos(angle), math.sin(angle), axis[:, None]
        pattern = np.sin(math.pi * frequency * (axis * cos + y * sin) + phase[0])
        if kind >= 0.75:
            pattern *= np.sin(math.pi * frequency * (-axis * sin + y * cos) + phase[1])
        shade *= 1 + contrast * np.tanh(3 * pattern)
    return np.clip(base * shade[..., None], 0, 1)


def _draw_noise(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Smooth noise in [0, 1], ``cells`` cells of a random lattice across: side×side."""
    lattice = rng.random((cells + 2, cells + 2))
    position = np.linspace(0, cells, side, endpoint=False)
    cell = position.astype(int)
    t = position - cell
    t = t * t * (3 - 2 * t)
    # Along the rows of the lattice first: these are few.
    lines = lattice[:, cell] * (1 - t) + lattice[:, cell + 1] * t
    t = t[:, None]
    return lines[cell] * (1 - t) + lines[cell + 1] * t


def _draw_colour(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> np.ndarray:
    """RGB of any hue, (3,) in [0, 1]."""
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value)))


def _pixels(centre: float, reach: float, size: int) -> slice:
    """The pixels of an axis that [centre − reach, centre + reach] touches."""
    first = math.floor((centre - reach + 1) / 2 * size)
    last = math.floor((centre + reach + 1) / 2 * size)
    return slice(max(first, 0), min(last + 1, size))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _dot(vectors: tuple[np.ndarray, np.ndarray, np.ndarray], direction: np.ndarray) -> np.ndarray:
    return vectors[0] * direction[0] + vectors[1] * direction[1] + vectors[2] * direction[2]


def _shrink(picture: np.ndarray) -> np.ndarray:
    """Means of the points of each pixel: (S·h, S·w, C) → (h, w, C), S being SUPERSAMPLING."""
    nothing = np.zeros((), picture.dtype)
    rows = sum((picture[k::SUPERSAMPLING] for k in range(SUPERSAMPLING)), start=nothing)
    return sum((rows[:, k::SUPERSAMPLING] for k in range(SUPERSAMPLING)), start=nothing) / SUPERSAMPLING**2


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return np.round(values * 255).astype(np.uint8)


_SMOOTHING = np.exp(-(np.linspace(-2, 2, 2 * _PROFILE_REACH + 1) ** 2) * 1.2)
_SMOOTHING /= _SMOOTHING.sum()
