"""Masks as COCO has them: run lengths down the columns, or polygons. Needs the extra ``export``."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import UserError
from ..short import short

MOST_PIXELS = 1 << 28
_MOST_BITS = 40
_FARTHEST = 1e7
"""The largest coordinate in pixels; what is farther away is no place in a picture."""
_LONGEST_OUTLINE = 2e6
"""The largest length of all polygons of an annotation, in pixels: the library takes some hundred bytes for each."""


def encode(region: np.ndarray) -> dict[str, Any]:
    """Area, box (x, y, width, height) and run lengths of a boolean H×W array, as an annotation has them."""
    coco = require_pycocotools()
    runs = coco.encode(np.asfortranarray(region, np.uint8))
    return {
        "area": int(coco.area(runs)),
        "bbox": coco.toBbox(runs).tolist(),
        "segmentation": {"size": list(runs["size"]), "counts": runs["counts"].decode("ascii")},
    }


def decode(segmentation: Mapping[str, Any] | Sequence[Sequence[float]], height: int, width: int) -> np.ndarray:
    """An annotation's ``segmentation`` → boolean H×W: polygons, run lengths as a list, or compressed.

    Raises:
        ValueError: it is none of these, of another size, or nothing of it is in the image.
    """
    if not (height > 0 and width > 0 and height * width <= MOST_PIXELS):
        raise ValueError(f"an image of {short(width)}×{short(height)} pixels")
    if isinstance(segmentation, Mapping):
        return _of_runs(segmentation, height, width)
    if not isinstance(segmentation, (list, tuple)):
        raise ValueError(f"a segmentation that is neither polygons nor run lengths ({short(segmentation)})")
    return _of_polygons(segmentation, height, width)


def _of_runs(segmentation: Mapping[str, Any], height: int, width: int) -> np.ndarray:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size is not None and (not isinstance(size, (list, tuple)) or list(size) != [height, width]):
        raise ValueError(f"a mask of size {short(size)}; the image has {[height, width]}")
    if isinstance(counts, (str, bytes)):
        lengths = np.array(_lengths(counts, height * width), np.int64)
    elif isinstance(counts, list):
        lengths = _whole_numbers(counts)
    else:
        raise ValueError(f"run lengths that are neither a list nor text ({short(counts)})")
    # As Python numbers: those of NumPy would go round.
    total = sum(map(int, lengths))
    if total != height * width or (len(lengths) and lengths.min() < 0):
        raise ValueError(f"run lengths that cover {short(total)} of {height * width} pixels")
    inside = np.arange(len(lengths)) % 2 == 1
    return np.repeat(inside, lengths).reshape(width, height).T


def _whole_numbers(counts: list) -> np.ndarray:
    if not all(type(count) in (int, float) for count in counts):
        raise ValueError("run lengths that are no numbers")
    bound = 2 * MOST_PIXELS  # some whole numbers are larger than any of NumPy's
    found = np.array([min(max(count, -bound), bound) for count in counts], np.float64)
    if not (np.isfinite(found).all() and (found == np.floor(found)).all() and (np.abs(found) <= MOST_PIXELS).all()):
        raise ValueError("run lengths that are no whole numbers of pixels")
    return found.astype(np.int64)


def _lengths(counts: str | bytes, most: int) -> list[int]:
    """Compressed run lengths: six bits a byte, five of the number, lowest first, and whether more follow."""
    try:
        content = counts.encode("ascii") if isinstance(counts, str) else counts
    except UnicodeEncodeError:
        raise ValueError("compressed run lengths that are no ASCII") from None
    lengths, value, shift = [], 0, 0
    for byte in content:
        byte -= 48
        if not 0 <= byte < 64 or shift > _MOST_BITS:
            raise ValueError("compressed run lengths that are damaged")
        value |= (byte & 31) << shift
        shift += 5
        if not byte & 32:
            if byte & 16:
                value |= -1 << shift
            # From the third on it is the difference to the length before the last.
            lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
            if not 0 <= lengths[-1] <= most:
                raise ValueError(f"a run of {lengths[-1]} of {most} pixels")
            value = shift = 0
    if shift:
        raise ValueError("compressed run lengths that are cut short")
    return lengths


def _of_polygons(segmentation: Sequence[Any], height: int, width: int) -> np.ndarray:
    """The union of polygons, drawn as COCO's own library draws them: it is given what it can draw alone."""
    polygons, length, clipped = [], 0.0, False
    for number, polygon in enumerate(segmentation):
        points = _points(polygon, number)
        if len(points) < 3:  # they enclose nothing; the library would take two of them for a box
            continue
        if not _within(points, height, width):
            points, clipped = _clipped(points, height, width), True
        if len(points) >= 3:
            steps = np.abs(np.diff(points, axis=0, append=points[:1]))
            length += float(steps.max(1).sum())
            polygons.append(points)
            if length > _LONGEST_OUTLINE:
                raise ValueError(f"outlines of more than {_LONGEST_OUTLINE:.0f} pixels")
    coco = require_pycocotools()
    if polygons:
        drawn = coco.frPyObjects([points.ravel().tolist() for points in polygons], height, width)
        region = coco.decode(coco.merge(drawn)).astype(bool)
        if region.any() or not clipped:
            return region
    if clipped:
        raise ValueError("polygons that are outside of the image")
    return np.zeros((height, width), bool)


def _points(polygon: Any, number: int) -> np.ndarray:
    """Float64 N×2, x and y."""
    if not isinstance(polygon, (list, tuple)):
        raise ValueError(f"a segmentation that is neither polygons nor run lengths ({short(polygon)} for a polygon)")
    if not all(type(value) in (int, float) for value in polygon):
        wrong = next(value for value in polygon if type(value) not in (int, float))
        raise ValueError(f"polygon {number} with {short(wrong, quotes=True)} for a number")
    if len(polygon) % 2:
        raise ValueError(f"polygon {number} of {len(polygon)} numbers, not pairs of x and y")
    points = np.array([min(max(value, -_FARTHEST * 2), _FARTHEST * 2) for value in polygon], np.float64).reshape(-1, 2)
    if not (np.abs(points) <= _FARTHEST).all():  # NaN is not
        raise ValueError(f"polygon {number} with coordinates that no image has")
    return points


def _within(points: np.ndarray, height: int, width: int) -> bool:
    """Whether a polygon is so near to the image that it is drawn as it is."""
    margin = np.array([width, height])
    return bool((points >= -margin).all() and (points <= 2 * margin).all())


def _clipped(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """The part of a polygon that is near the image, side by side (Sutherland and Hodgman, 1974)."""
    for axis, side in ((0, width), (1, height)):
        for sign, bound in ((1, -side), (-1, -2 * side)):
            if not len(points):
                return points
            inside = sign * points[:, axis] >= bound
            previous, was = np.roll(points, 1, axis=0), np.roll(inside, 1)
            kept = []
            for point, before, here, there in zip(points, previous, inside, was, strict=True):
                if here != there:
                    share = (sign * bound - before[axis]) / (point[axis] - before[axis])
                    kept.append(before + share * (point - before))
                if here:
                    kept.append(point)
            points = np.array(kept).reshape(-1, 2)
    return points


def require_pycocotools() -> Any:
    """The module ``pycocotools.mask``.

    Raises:
        UserError: it is not installed.
    """
    try:
        import pycocotools.mask
    except ImportError as error:
        raise UserError(
            "coco", got="no pycocotools", expected="the extra `export`", remedy="pip install 'l4f-datagen[export]'"
        ) from error
    return pycocotools.mask
