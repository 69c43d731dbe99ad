"""Masks as CVAT's XML has them: run lengths row by row within a box, the background first."""

from collections.abc import Sequence

import numpy as np

from ..short import short


def decode(lengths: Sequence[int], box: tuple[int, int, int, int], height: int, width: int) -> np.ndarray:
    """Run lengths within a box (left, top, width, height) → boolean H×W of the whole image.

    Raises:
        ValueError: the box is not in the image, or the runs do not fill it.
    """
    left, top, wide, high = box
    if min(left, top) < 0 or min(wide, high) < 1 or left + wide > width or top + high > height:
        got = f"{short(wide)}×{short(high)} pixels at {short(left)}, {short(top)}"
        raise ValueError(f"a mask of {got}; the image has {width}×{height}")
    if min(lengths) < 0 or sum(lengths) != wide * high:
        raise ValueError(f"run lengths that cover {short(sum(lengths))} of {wide * high} pixels")
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    region = np.zeros((height, width), bool)
    region[top : top + high, left : left + wide] = inside.reshape(high, wide)
    return region
