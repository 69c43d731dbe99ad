"""The objects that a reference finds in an image, and whether there is exactly one."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

NO_OBJECT, BELOW_SCORE, SEVERAL = "no object", "below the score", "several objects"
"""Why an image is rejected. "below the score": there are detections, but none is sure enough."""
NOISE = 0.05
"""Detections of lower scores are nothing at all; detectors leave such ones out, or give thousands."""
_SAME = 0.5
"""Two detections whose masks overlap by more than this (IoU) are the same object, detected twice."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is found in one image, of the classes that count."""

    masks: np.ndarray
    """Bool K×H×W, an object each, of the scores that count."""
    lesser: int = 0
    """Number of detections whose score is too low, though no noise."""
    crowd: bool = False
    """Whether there is a crowd: a region of several objects that nobody told apart."""

    @property
    def union(self) -> np.ndarray:
        """The foreground, uint8 H×W: 1 where any object is."""
        return np.any(self.masks, axis=0).astype(np.uint8)

    def reason(self, area: float) -> str | None:
        """Why the image is rejected, one of the reasons above; None: it shows exactly one object.

        Args:
            area: the share of the pixels from which an instance is an object.
        """
        least = area * self.masks[0].size if len(self.masks) else 0
        objects = sum(int(np.count_nonzero(mask)) >= least for mask in self.masks)
        if objects > 1 or self.crowd:
            return SEVERAL
        if objects:
            return None
        return BELOW_SCORE if self.lesser else NO_OBJECT


def distinct(masks: Sequence[np.ndarray], scores: Sequence[float], size: tuple[int, int]) -> np.ndarray:
    """Masks that are objects of their own: of several of the same object the one of the highest score.

    Args:
        masks: bool H×W each.
        size: H and W.

    Returns bool K×H×W, the highest score first. Empty masks are left out.
    """
    kept: list[np.ndarray] = []
    for number in sorted(range(len(masks)), key=lambda n: (-scores[n], n)):
        mask = masks[number]
        if mask.any() and not any(_overlap(mask, other) > _SAME for other in kept):
            kept.append(mask)
    return np.stack(kept) if kept else np.zeros((0, *size), bool)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks that are not both empty."""
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def scaled(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A float map H×W at another size, linearly between its values."""
    values = values.astype(np.float32, copy=False)
    return values if values.shape == size else cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR)
