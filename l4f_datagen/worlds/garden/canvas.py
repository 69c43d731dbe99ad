"""What is drawn, as lists of parts in the picture's coordinates, and the canvas that draws them.

Coordinates run from -1 to 1, x to the right and y down. Colours are float RGB in [0, 1].
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

_SHIFT = 4
"""Binary places of the fixed-point coordinates that OpenCV draws polygons and lines with."""
_TONES = 6
"""Groups of strokes of one part, by their colour; strokes of a group are drawn at once."""
_MANY = 40
"""Strokes of one part that are hair and not stems."""

COVERED = 255
"""What the fourth channel holds where something is drawn."""

Move = Callable[[np.ndarray], np.ndarray]
"""Points (…, 2) → where they are drawn."""


@dataclass(frozen=True)
class Shapes:
    """Polygons, one after the other."""

    outlines: np.ndarray
    """(n, k, 2)."""
    colours: np.ndarray
    """(n, 3)."""


@dataclass(frozen=True)
class Strokes:
    """Lines of one width."""

    lines: np.ndarray
    """(n, k, 2)."""
    colours: np.ndarray
    """(n, 3); lines of almost the same lightness are drawn with their mean."""
    width: float


@dataclass(frozen=True)
class Surface:
    """A shape whose colour is told point by point."""

    outlines: np.ndarray
    """(1, k, 2)."""
    shade: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """x (1, w) and y (h, 1) of points → colours (3, h, w)."""


Part = Shapes | Strokes | Surface


class Canvas:
    """Points of a picture: RGB and, in the fourth channel, what covers them; 0 is nothing.

    A point is covered where a shape touches it, and a stroke is at least one point wide.
    """

    def __init__(self, side: int):
        self.side = side
        self.pixels = np.zeros((side, side, 4), np.uint8)

    def draw(self, parts: Iterable[Part], tag: int = COVERED) -> None:
        """Draw parts over what is there; ``tag`` tells in the fourth channel that they were."""
        for part in parts:
            if isinstance(part, Shapes):
                outlines = fixed(part.outlines, self.side)
                for outline, colour in zip(outlines, _bytes(part.colours, tag), strict=True):
                    cv2.fillPoly(self.pixels, [outline], colour, shift=_SHIFT)
            elif isinstance(part, Strokes):
                width = self._width(part.width)
                for lines, colour in _toned(part, tag):
                    points = list(fixed(lines, self.side))
                    cv2.polylines(self.pixels, points, False, colour, width, shift=_SHIFT)
            else:
                self._draw_surface(part, tag)

    def erase(self, strokes: Iterable[Strokes]) -> None:
        """Make the canvas empty where strokes are."""
        for part in strokes:
            lines = list(fixed(part.lines, self.side))
            cv2.polylines(self.pixels, lines, False, (0, 0, 0, 0), self._width(part.width), shift=_SHIFT)

    def _draw_surface(self, surface: Surface, tag: int) -> None:
        points = fixed(surface.outlines[0], self.side)
        low = np.maximum((points.min(0) >> _SHIFT) - 1, 0) // 2 * 2
        high = np.minimum((points.max(0) >> _SHIFT) + 3, self.side + 1) // 2 * 2
        if (low >= high).any():
            return
        box = slice(low[1], high[1]), slice(low[0], high[0])
        inside = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        cv2.fillPoly(inside, [points - (low << _SHIFT)], 1, shift=_SHIFT)
        # Colours change slowly over a surface: one is enough for four points.
        x, y = (np.arange(a + 1, b, 2, dtype=np.float32) * (2 / self.side) - 1 for a, b in zip(low, high, strict=True))
        lit = surface.shade(x[None], y[:, None])
        shades = np.minimum(lit * np.float32(255) + np.float32(0.5), 255).astype(np.uint8)
        colours = cv2.merge([*shades, np.full(shades.shape[1:], tag, np.uint8)])
        doubled = cv2.resize(colours, inside.shape[::-1], interpolation=cv2.INTER_NEAREST)
        cv2.copyTo(doubled, inside, self.pixels[box])

    def _width(self, width: float) -> int:
        return max(1, round(width * self.side / 2))


def fill_silhouette(canvas: np.ndarray, parts: Iterable[Part | np.ndarray], move: Move) -> None:
    """Fill with 255 what parts, or outlines (k, 2), cover after ``move``, on a canvas uint8 side×side.

    Hair is left out, and where shapes of one part overlap there may be gaps: shadows are blurred.
    """
    side = len(canvas)
    for part in parts:
        if isinstance(part, Strokes):
            if len(part.lines) < _MANY:
                width = max(1, round(part.width * side / 2))
                cv2.polylines(canvas, list(fixed(move(part.lines), side)), False, COVERED, width, shift=_SHIFT)
        else:
            outlines = part[None] if isinstance(part, np.ndarray) else part.outlines
            cv2.fillPoly(canvas, list(fixed(move(outlines), side)), COVERED, shift=_SHIFT)


def fixed(points: np.ndarray, side: int) -> np.ndarray:
    """Points (…, 2) in OpenCV's fixed-point pixels of a canvas ``side`` wide."""
    one = side * (1 << _SHIFT)
    places = np.rint(points * (one / 2) + (one / 2 - (1 << _SHIFT) / 2))
    return np.minimum(np.maximum(places, -4 * one), 5 * one).astype(np.int32)


def _bytes(colours: np.ndarray, tag: int) -> list[list[int]]:
    """Colours (n, 3) as OpenCV wants them."""
    values = np.minimum(np.maximum(colours * 255 + 0.5, 0), 255).astype(np.uint8)
    return [[*row, tag] for row in values.tolist()]


def _toned(strokes: Strokes, tag: int) -> Iterable[tuple[np.ndarray, list[int]]]:
    """Lines of strokes and their common colour, dark ones first."""
    count = len(strokes.lines)
    if count == 1:
        return [(strokes.lines, _bytes(strokes.colours, tag)[0])]
    order = np.argsort(strokes.colours @ _ONES, kind="stable")
    colours, lines = strokes.colours[order], strokes.lines[order]
    ends = [count * (tone + 1) // _TONES for tone in range(_TONES)]
    groups = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False) if start < end]
    means = np.array([colours[group].sum(0) / (group.stop - group.start) for group in groups])
    return zip([lines[group] for group in groups], _bytes(means, tag), strict=True)


_ONES = np.ones(3, np.float32)
