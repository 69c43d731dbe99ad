"""The one law of masks: the stored alpha and the data set's own description give the mask, wherever one is made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

IGNORED = 255
"""Class index of pixels that a trainer should not look at."""


class MaskSettings(Protocol):
    """What a mask depends on beside its alpha: the settings of ``generate`` have it, and a ``MaskLaw``."""

    @property
    def threshold(self) -> float:
        """Alpha from which a pixel is foreground."""
        ...

    @property
    def largest_component(self) -> bool:
        """Whether only the largest component is kept."""
        ...

    @property
    def fill_holes(self) -> bool:
        """Whether enclosed background becomes foreground."""
        ...

    @property
    def ignore_band(self) -> tuple[float, float] | None:
        """Alphas that become ``IGNORED``, from the lower to the upper bound."""
        ...


@dataclass(frozen=True, kw_only=True)
class MaskLaw:
    """What the masks of a data set were made by: ``MaskSettings`` by themselves, as a description tells them."""

    threshold: float
    largest_component: bool = False
    fill_holes: bool = False
    ignore_band: tuple[float, float] | None = None

    @property
    def local(self) -> bool:
        """Whether a pixel's class follows from its own alpha, so that any part of an image may be cut by itself."""
        return not (self.largest_component or self.fill_holes)


HALF = MaskLaw(threshold=0.5)
"""A pixel of which at least half is covered is foreground: of exact coverage, and of masks that were resized."""


def law_of(description: Mapping[str, Any]) -> MaskLaw | None:
    """The law of a data set with this ``dataset.json``; None where the masks are no alpha's, as imported ones are."""
    if "source" in description:
        return None
    settings = description["settings"]
    band = settings.get("ignore_band")
    return MaskLaw(
        threshold=settings["threshold"],
        largest_component=settings.get("largest_component", False),
        fill_holes=settings.get("fill_holes", False),
        ignore_band=tuple(band) if band is not None else None,
    )


def make_mask(alpha: np.ndarray, settings: MaskSettings) -> np.ndarray:
    """The mask of a stored alpha: ``cut_out``, then 255 within the ignore band.

    Args:
        alpha: uint8 H×W, round(255·alpha).

    Returns:
        Class indices, uint8 H×W: 0 background, 1 foreground, 255 ignored.
    """
    mask = cut_out(alpha, settings)
    if settings.ignore_band is not None:
        low, high = settings.ignore_band
        mask[(alpha >= cut(low)) & (alpha < cut_above(high))] = IGNORED
    return mask


def cut_out(alpha: np.ndarray, settings: MaskSettings) -> np.ndarray:
    """Foreground and background alone: threshold, then the largest component, then holes filled.

    Args:
        alpha: uint8 H×W, round(255·alpha).

    Returns:
        uint8 H×W, 1 = foreground.
    """
    mask = (alpha >= cut(settings.threshold)).view(np.uint8)
    if settings.largest_component:
        mask = largest_component(mask)
    return fill_holes(mask) if settings.fill_holes else mask


def cut(threshold: float) -> int:
    """The smallest uint8 alpha that is at least ``threshold``, and never 0: where nothing was drawn is background."""
    return max(1, math.ceil(round(255 * threshold, 6)))


def cut_above(bound: float) -> int:
    """The smallest uint8 alpha that is more than ``bound``."""
    return math.floor(round(255 * bound, 6)) + 1


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest of a 0/1 mask's components (8 neighbours); of equal ones the uppermost, then the leftmost."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count <= 2:
        return mask
    order = zip(-stats[1:, cv2.CC_STAT_AREA], stats[1:, cv2.CC_STAT_TOP], stats[1:, cv2.CC_STAT_LEFT], range(1, count))
    *_, label = min(order)
    return (labels == label).view(np.uint8)


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """A 0/1 mask with the background that does not reach the border (4 neighbours) made foreground."""
    outside = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(outside, None, (0, 0), 2)
    return (outside[1:-1, 1:-1] != 2).view(np.uint8)
