"""Scores of one mask: what ``filters`` looks at, and what a data set tells of each sample."""

import cv2
import numpy as np

from .masks import cut

STABILITY_MARGIN = 0.1
"""Stability compares the masks at the threshold ± this, both kept within [0.05, 0.95]."""

_EXACT = 1 << 24
"""OpenCV counts in float32, which holds whole numbers up to this; numpy counts any, in twice the time."""


def score(alpha: np.ndarray, mask: np.ndarray, threshold: float, counts: np.ndarray | None = None) -> dict[str, object]:
    """Scores of one sample, as the columns of ``shards.format.schema``.

    Args:
        alpha: uint8 H×W, round(255·alpha).
        mask: uint8 H×W, 1 = foreground; ignored pixels do not count as such.
        threshold: what the mask was cut at.
        counts: the alpha's ``histogram``, where a GPU has counted already.
    """
    counts = histogram(alpha) if counts is None else counts
    foreground = (mask == 1).view(np.uint8)
    x, y, width, height = cv2.boundingRect(foreground)
    edges = foreground[0], foreground[-1], foreground[:, 0], foreground[:, -1]
    return {
        "mask_area": round(float(np.count_nonzero(foreground)) / mask.size, 6),
        "bounding_box": [x, y, width, height],
        "components": components(foreground[y : y + height, x : x + width]),
        "touches_border": any(edge.any() for edge in edges),
        "decisiveness": decisiveness(counts),
        "stability": stability(counts, threshold),
    }


def histogram(alpha: np.ndarray) -> np.ndarray:
    """How many pixels of a uint8 alpha have each of the 256 values: int64."""
    if alpha.size > _EXACT or alpha.size == 0:
        return np.bincount(alpha.ravel(), minlength=256)
    return cv2.calcHist([alpha], [0], None, [256], [0, 256]).ravel().astype(np.int64)


def components(foreground: np.ndarray) -> int:
    """Parts of a uint8 foreground of 0 and 1 that hang together, at corners too; its surroundings may be left out."""
    return cv2.connectedComponents(foreground, connectivity=8)[0] - 1 if foreground.size else 0


def decisiveness(counts: np.ndarray) -> float:
    """Mean |2α − 1| over the pixels, from the 256 counts of a uint8 alpha: 1 = all 0 or 1."""
    values = np.abs(2 * np.arange(256) / 255 - 1)
    return round(float(counts @ values / counts.sum()), 6)


def stability(counts: np.ndarray, threshold: float) -> float:
    """IoU of the masks at the threshold ± 0.1, from the 256 counts of a uint8 alpha; 1 where both are empty."""
    low, high = (min(max(threshold + m, 0.05), 0.95) for m in (-STABILITY_MARGIN, STABILITY_MARGIN))
    union, intersection = int(counts[cut(low) :].sum()), int(counts[cut(high) :].sum())
    return round(intersection / union, 6) if union else 1.0
