"""A mask as polygons: what ``cv2.fillPoly`` fills again is the mask, whether a reader truncates or rounds."""

from collections.abc import Iterator

import cv2
import numpy as np

_CENTRE = 0.49
"""The centre of a pixel, in pixels: a little less than half, so that both truncated and rounded it is that pixel."""
_THICKNESS = 0.2
"""Half the width given to what is one pixel wide, in pixels: a polygon needs an area."""


def polygons(mask: np.ndarray) -> Iterator[np.ndarray]:
    """Polygons of the foreground, one per connected component (8 neighbours).

    Args:
        mask: uint8 H×W, 1 = foreground.

    Yields:
        float64 (N ≥ 3, 2): x, y of the centres of the pixels on the edge, in pixels, so that truncated or
        rounded they are those pixels. A hole is reached over a cut of no width through the foreground, as polygons have
        it that cannot say "hole".
    """
    region = np.ascontiguousarray(mask == 1, np.uint8)
    contours, hierarchy = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return
    outlines = [contour[:, 0] for contour in contours]
    for number, (_, _, child, parent) in enumerate(hierarchy[0]):
        if parent < 0:
            yield (
                _with_area(_without_flat(_join(outlines[number], _holes(outlines, hierarchy[0], child), region)))
                + _CENTRE
            )


def _holes(outlines: list[np.ndarray], hierarchy: np.ndarray, first: int) -> list[np.ndarray]:
    """Outlines of an outline's holes, the leftmost first."""
    holes = []
    while first >= 0:
        holes.append(outlines[first])
        first = hierarchy[first][0]
    return sorted(holes, key=lambda hole: tuple(hole[hole[:, 0].argmin()]))


def _join(outline: np.ndarray, holes: list[np.ndarray], region: np.ndarray) -> np.ndarray:
    """One closed line around the outline and all its holes.

    From a hole's leftmost pixel the cut runs left through the foreground. It ends on the outline or on a
    hole that lies further left, which was joined before.
    """
    if not holes:
        return outline
    points, following, where = [], [], {}

    def append(line: np.ndarray) -> range:
        """Close a line on itself; remember where its pixels are."""
        places = range(len(points), len(points) + len(line))
        for place, (x, y) in zip(places, line.tolist()):
            points.append((x, y))
            following.append(place + 1)
            where.setdefault((x, y), place)
        following[-1] = places.start
        return places

    append(outline)
    for hole in holes:
        x, y = hole[hole[:, 0].argmin()].tolist()
        while x > 0 and region[y, x - 1]:
            x -= 1
        begin = where[x, y]
        places = append(np.roll(hole, -int(hole[:, 0].argmin()), 0))
        # There, around the hole, to where it began, and back.
        back = len(points)
        points += [points[places.start], points[begin]]
        following += [back + 1, following[begin]]
        following[places[-1]] = back
        following[begin] = places.start
    line, place = [], 0
    for _ in points:
        line.append(points[place])
        place = following[place]
    return np.array(line)


def _without_flat(line: np.ndarray) -> np.ndarray:
    """Leave out the points between which the direction does not change."""
    steps = np.roll(line, -1, 0) - line
    line = line[steps.any(1)] if steps.any() else line[:1]
    if len(line) < 3:
        return line
    ahead, behind = np.roll(line, -1, 0) - line, line - np.roll(line, 1, 0)
    straight = ahead[:, 0] * behind[:, 1] == ahead[:, 1] * behind[:, 0]
    onwards = (ahead * behind).sum(1) > 0
    return line[~(straight & onwards)]


def _with_area(line: np.ndarray) -> np.ndarray:
    """A point or a straight stroke as a thin rectangle left of and above its centre; anything else as it is."""
    if len(line) > 2:
        return line.astype(np.float64)
    begin, end = line[0].astype(np.float64), line[-1].astype(np.float64)
    along = (end - begin) / max(1.0, np.abs(end - begin).max()) if len(line) > 1 else np.array([1.0, 0.0])
    across = np.array([-along[1], along[0]])
    half = _THICKNESS / (np.abs(along) + np.abs(across)).max()
    corners = [
        begin - half * (along + across),
        end + half * (along - across),
        end + half * (along + across),
        begin - half * (along - across),
    ]
    return np.stack(corners) - _THICKNESS
