"""Photographs of any shape as networks want them: the middle of each, at one size."""

import cv2
import numpy as np

Size = int | tuple[int, int]
"""Height and width in pixels; one number stands for both."""


def sides(size: Size) -> tuple[int, int]:
    """Height and width of a size."""
    return (size, size) if isinstance(size, int) else size


def fitted(picture: np.ndarray, size: Size, rows: int | None = None) -> np.ndarray:
    """Centre-crop to the shape of the content, resize, and pad with black rows.

    Args:
        picture: RGB uint8 H×W×3.
        size: height and width of the result in pixels.
        rows: of its height the picture fills so many rows, black ones stand above and below; None: all.

    Returns:
        RGB uint8 of that size.
    """
    tall, wide = sides(size)
    rows = rows or tall
    height, width = picture.shape[:2]
    scale = enlargement(picture, size, rows)
    h, w = max(1, round(rows * scale)), max(1, round(wide * scale))
    top, left = (height - h) // 2, (width - w) // 2
    picture = picture[top : top + h, left : left + w]
    if (h, w) != (rows, wide):
        way = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
        picture = cv2.resize(picture, (wide, rows), interpolation=way)
    above = (tall - rows) // 2
    return np.pad(picture, ((above, tall - rows - above), (0, 0), (0, 0))) if rows < tall else picture


def enlargement(picture: np.ndarray, size: Size, rows: int) -> float:
    """How many pixels of a picture become one of the result, along a side; below 1 it is up-sampled."""
    height, width = picture.shape[:2]
    return min(height / rows, width / sides(size)[1])
