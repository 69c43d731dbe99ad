"""Where a thing is in the picture.

A thing is made in its own coordinates, x to the right and y up from where it stands, its height being about 1.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """Where a thing stands, how large it is, and how far it is tilted."""

    x: float
    y: float
    scale: float
    tilt: float = 0.0

    def place(self, points: np.ndarray) -> np.ndarray:
        """A thing's points (…, 2) → the picture's."""
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        x, y = points[..., 0], points[..., 1]
        cos, sin, out = cos * self.scale, sin * self.scale, np.empty_like(points)
        out[..., 0], out[..., 1] = x * cos + y * sin + self.x, x * sin - y * cos + self.y
        return out

    def back(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The picture's points x and y → the thing's."""
        cos, sin = np.float32(math.cos(self.tilt)), np.float32(math.sin(self.tilt))
        x, y = (x - np.float32(self.x)) / np.float32(self.scale), (y - np.float32(self.y)) / np.float32(self.scale)
        return x * cos + y * sin, x * sin - y * cos

    def angle(self, angle: np.ndarray) -> np.ndarray:
        """Directions of a thing, in radians from the right upwards → the picture's, from the right downwards."""
        return self.tilt - angle
