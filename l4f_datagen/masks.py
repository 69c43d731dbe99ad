"""The stored alpha → the mask, so that every mask can be made again from its alpha."""

import math
from typing import Protocol

import cv2
import numpy as np

IGNORED = 255
"""Class index of pixels that a trainer should not look at."""


class MaskSettings(Protocol):
    """What a mask depends on beside its alpha: the settings of ``generate`` and of ``render`` have it."""

    threshold: float
    largest_component: bool
    fill_holes: bool
    ignore_band: tuple[float, float] | None


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
