"""Smooth random texture that repeats, looked up at many scales."""

from functools import cache

import cv2
import numpy as np

SIDE = 256
"""Samples across one period."""
_TILES = 6


class Grain:
    """One picture's texture: a cut of noise of three octaves, about in [-1, 1], with a period of 4."""

    def __init__(self, rng: np.random.Generator):
        self._tile = _tile(int(rng.integers(_TILES)))
        self._x, self._y = (np.float32(shift) for shift in rng.uniform(0, SIDE, 2))
        self.tables = rng.random((2, 64), np.float32) * 2 - 1
        """Random numbers in [-1, 1] for things that are counted: bricks, boards, tiles."""

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The texture at points x, y, which are broadcast: float32."""
        x, y = _within(x, self._x), _within(y, self._y)
        places = np.empty((2, *np.broadcast_shapes(x.shape, y.shape)), np.float32)
        places[0], places[1] = x, y
        return cv2.remap(self._tile, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def of(self, number: np.ndarray, table: int = 0) -> np.ndarray:
        """A random number in [-1, 1] for each of many whole numbers."""
        return self.tables[table].take(number.astype(np.int32) & 63)


def _within(places: np.ndarray, shift: np.float32) -> np.ndarray:
    """Samples in [0, SIDE) at places of the picture."""
    samples = places * np.float32(SIDE / 4) + shift
    return samples - np.floor(samples * np.float32(1 / SIDE)) * np.float32(SIDE)


@cache
def _tile(number: int) -> np.ndarray:
    """Noise, float32, the same in all processes; after SIDE×SIDE samples the first row and column come again."""
    rng = np.random.default_rng((number, SIDE))
    total = np.zeros((SIDE, SIDE), np.float32)
    for cells, share in ((16, 0.5), (48, 0.3), (128, 0.35)):
        # Repeated at its margins, so that what is cut from the middle has no seam.
        wide = np.pad(rng.random((cells, cells), np.float32) * 2 - 1, 2, mode="wrap")
        scale = -(-SIDE // cells)
        fine = cv2.resize(wide, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        middle = np.ascontiguousarray(fine[2 * scale : -2 * scale, 2 * scale : -2 * scale])
        total += share * cv2.resize(middle, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.pad(total, (0, 1), mode="wrap")
