"""Light: where it comes from, what it does to a surface, where shadows fall."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .grain import Grain

_SPOT_SAMPLES = 20
"""Places across a picture at which light between leaves is drawn; between them it changes smoothly."""


@dataclass(frozen=True)
class Light:
    """Sun and sky. Directions are (x to the right, y down, z to the eye)."""

    direction: np.ndarray
    """To the sun, a unit vector."""
    halfway: np.ndarray
    """Half-way between sun and eye, a unit vector."""
    sun: np.ndarray
    """What the sun adds to a surface that faces it, RGB."""
    sky: np.ndarray
    """What comes from everywhere, RGB."""
    lean: float
    """How far to the right the shadow of something of height 1 ends."""
    reach: float
    """How far up in the picture it ends; below zero it falls towards the eye."""
    depth: float
    """Share of the light that a shadow takes away."""
    softness: float
    """Blur of shadows, a share of the picture's side."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Light":
        """Draw one: of four skies one is overcast, one has a low sun."""
        kind = rng.random()
        lean, reach = rng.uniform(-1.2, 1.2), rng.uniform(-0.35, 0.45)
        low, cloudy = kind < 0.25, kind > 0.72
        if low:
            lean *= 1.6
        height = rng.uniform(0.5, 0.9) if low else rng.uniform(1.0, 1.7)
        direction = _unit(np.array([-lean, -height, 0.45 + 1.6 * reach]))
        warm = rng.uniform(0.1, 0.28) if low else rng.uniform(-0.02, 0.12)
        strength = rng.uniform(0.08, 0.25) if cloudy else rng.uniform(0.5, 0.95)
        sun = strength * np.array([1 + warm, 1.0, 1 - 1.2 * warm])
        cool = rng.uniform(0, 0.12)
        base = rng.uniform(0.6, 0.85) if cloudy else rng.uniform(0.32, 0.55)
        sky = base * np.array([1 - cool, 1.0, 1 + cool])
        depth = rng.uniform(0.25, 0.45) if cloudy else rng.uniform(0.5, 0.75)
        softness = rng.uniform(0.025, 0.05) if cloudy else rng.uniform(0.006, 0.02)
        halfway = _unit(direction + np.array([0, 0, 1]))
        return cls(_single(direction), _single(halfway), _single(sun), _single(sky), lean, reach, depth, softness)

    def on(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Light (3, …) on surfaces with normals (x, y, z), each (…). Light wraps a little around what is round."""
        facing = x * self.direction[0] + y * self.direction[1] + z * self.direction[2]
        wrapped = np.maximum(facing + 0.25, 0) * np.float32(0.8)
        above = np.float32(0.85) - np.float32(0.3) * y
        return np.multiply.outer(self.sky, above) + np.multiply.outer(self.sun, wrapped)

    def gloss(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, shininess: float) -> np.ndarray:
        """What a shining surface reflects of the sun, (…)."""
        facing = np.maximum(x * self.halfway[0] + y * self.halfway[1] + z * self.halfway[2], 0)
        return (facing**shininess) * np.float32(self.sun[1])

    @property
    def level(self) -> np.ndarray:
        """Light on ground that lies open, RGB."""
        return 1.1 * self.sky + self.sun * max(0.25, 0.15 - float(self.direction[1])) * 0.8


@dataclass(frozen=True)
class Field:
    """How bright each place of a picture is: slow gradients, a vignette, spots of light below leaves."""

    gradient: tuple[float, float]
    vignette: float
    exposure: np.ndarray
    """RGB: exposure and white balance."""
    spots: float
    spot_size: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Field":
        """Draw one; three in ten have spots."""
        tint, blue = rng.uniform(-0.05, 0.05), rng.uniform(-0.07, 0.07)
        exposure = rng.uniform(0.9, 1.3) * np.array([1 + tint, 1 - tint / 2, 1 + blue])
        spots = rng.uniform(0.2, 0.45) if rng.random() < 0.3 else 0.0
        gradient = (rng.uniform(-0.22, 0.22), rng.uniform(-0.15, 0.15))
        return cls(gradient, rng.uniform(0, 0.22), exposure, spots, rng.uniform(0.7, 1.6))

    def over(self, axis: np.ndarray, grain: Grain, top: float) -> tuple[np.ndarray, np.ndarray]:
        """Factors of light at each pixel: for things side×side×3, and for what is behind them.

        Spots begin at ``top``: there are none on the sky.
        """
        x, y = axis[None], axis[:, None]
        smooth = 1 + self.gradient[0] * x + self.gradient[1] * y - self.vignette * (x * x + y * y) / 2
        on_all = cv2.merge([smooth * np.float32(one) for one in self.exposure])
        if not self.spots:
            return on_all, on_all
        places = np.linspace(-1, 1, _SPOT_SAMPLES, dtype=np.float32) * self.spot_size
        wave = cv2.resize(
            grain.at(places[None], 1.5 * places[:, None]), (len(axis),) * 2, interpolation=cv2.INTER_CUBIC
        )
        lit = np.clip(wave * 2 + 0.5, 0, 1)
        share = (self.spots * np.clip((y - top) * 6, 0, 1)).astype(np.float32)
        darker = 1 - share * (1 - lit)
        return on_all, on_all * cv2.merge([darker] * 3)


def _single(vector: np.ndarray) -> np.ndarray:
    return vector.astype(np.float32)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / math.sqrt(float(vector @ vector))
