"""Which samples a reference rejects: those in which it sees no object, or several (Table 2 of the paper)."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ..instances.found import BELOW_SCORE, NO_OBJECT, SEVERAL
from .matching import few
from .references import InstanceMasker, Masker

EMPTY, PARTS = "empty", "several"
"""Reasons of a reference that gives masks alone: nothing is foreground, or it is in several parts."""
KINDS = {EMPTY: EMPTY, NO_OBJECT: EMPTY, BELOW_SCORE: EMPTY, PARTS: PARTS, SEVERAL: PARTS}
"""Which kind of the setting ``reject`` each reason is of."""
_WORDS = {
    EMPTY: "the reference saw nothing", NO_OBJECT: "the reference found no object",
    BELOW_SCORE: "it was not sure enough of any", PARTS: "it saw several objects", SEVERAL: "it found several objects",
}  # fmt: skip


def asked(
    reference: Masker, images: np.ndarray, keys: Sequence[str], object_area: float
) -> tuple[np.ndarray, list[str | None]]:
    """The masks of a reference, and why each sample is rejected, if it is.

    A reference that gives instances counts them, be they apart or not; of another one the parts of its masks count.

    Args:
        images, keys: as ``Masker`` takes them.
        object_area: share of the pixels from which an instance or a part is an object.
    """
    if isinstance(reference, InstanceMasker):
        found = reference.find(images, keys)
        return np.stack([one.union for one in found]), [one.reason(object_area) for one in found]
    masks = reference(images, keys)
    return masks, [rejection(mask, object_area) for mask in masks]


def rejection(mask: np.ndarray, object_area: float) -> str | None:
    """Why a reference's mask is no truth: "empty", "several" or None.

    Args:
        mask: uint8 H×W, 1 = foreground.
        object_area: share of the pixels from which a connected part (8 neighbours) counts as an object.
    """
    foreground = (mask == 1).astype(np.uint8)
    if not foreground.any():
        return EMPTY
    _, _, stats, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
    objects = (stats[1:, cv2.CC_STAT_AREA] >= object_area * mask.size).sum()
    return PARTS if objects > 1 else None


def in_words(rejected: Mapping[str, Sequence[str]], *, names: bool = True) -> str:
    """How many samples were rejected for which reason; the first of each by name."""
    parts = [
        f"{words} in {len(keys)}" + (f" ({few(keys)})" if names else "")
        for reason, words in _WORDS.items()
        if (keys := rejected.get(reason))
    ]
    return "; ".join(parts)
