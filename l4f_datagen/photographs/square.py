"""Photographs of any shape as networks want them: the middle of each, at one size."""

import cv2
import numpy as np


def fitted(picture: np.ndarray, size: int, rows: int | None = None) -> np.ndarray:
    """Centre-crop to the shape of the content, resize, and pad with black rows.

    Args:
        picture: RGB uint8 H×W×3.
        size: height and width of the result in pixels.
        rows: of these the picture fills so many, black ones stand above and below; None: all.

    Returns:
        RGB uint8 size×size×3.
    """
    rows = rows or size
    height, width = picture.shape[:2]
    scale = enlargement(picture, size, rows)
    h, w = max(1, round(rows * scale)), max(1, round(size * scale))
    top, left = (height - h) // 2, (width - w) // 2
    picture = picture[top : top + h, left : left + w]
    if (h, w) != (rows, size):
        way = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
        picture = cv2.resize(picture, (size, rows), interpolation=way)
    above = (size - rows) // 2
    return np.pad(picture, ((above, size - rows - above), (0, 0), (0, 0))) if rows < size else picture


def enlargement(picture: np.ndarray, size: int, rows: int) -> float:
    """How many pixels of a picture become one of the result, along a side; below 1 it is up-sampled."""
    height, width = picture.shape[:2]
    return min(height / rows, width / size)
