"""The edited foreground before the original's background (Fig. 6 of Labels4Free), and how well that went.

An image is I = α·F + (1 − α)·B, equation 1, where only I and α are known. Behind an outline half of a pixel is
background, and an edit changes that half too: taken over with the foreground it would shine around it. So the edited
image's own background, completed behind its foreground, is taken out and the original's put in:

    kept = α·F + (1 − α)·B = I + (1 − α)·(B − B_own)

Where α is 1 this is the edited image, where it is 0 the original's background. For an edit that changes nothing it is
the original, outlines and all.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .. import masks
from .completing import Inpainter, completed

BEST_DB = 99.0
"""Signal-to-noise ratio that stands for equal images."""
_LOW, _HIGH = 0.05, 0.95
"""Alphas that count as 0 and as 1: networks come close to both and reach neither."""


@dataclass(frozen=True)
class Layer:
    """Where the foreground of an image is."""

    mask: np.ndarray
    """bool H×W: alpha is at least the threshold."""
    support: np.ndarray
    """bool H×W: the mask and the pixels within the margin around it. Alpha is 0 outside."""
    alpha: np.ndarray
    """float32 H×W×1 in [0, 1]."""


def layer_of(alpha: np.ndarray, *, threshold: float, margin: int) -> Layer:
    """The foreground that an alpha, uint8 H×W, shows.

    Outlines alone are soft. Deeper within the mask than half the margin, an alpha below 1 is a network's doubt, not
    transparency, and the original's background would shine through the foreground.

    Args:
        threshold: alpha from which a pixel belongs to the mask.
        margin: pixels around the mask that the foreground may still touch.
    """
    mask = alpha >= masks.cut(threshold)
    side = 2 * margin + 1
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    support = cv2.dilate(mask.astype(np.uint8), around).astype(bool)
    soft = np.clip((alpha.astype(np.float32) / 255 - _LOW) / (_HIGH - _LOW), 0, 1)
    # Padded, so that the image's border is no outline: a foreground goes on beyond it.
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), side, mode="edge"), cv2.DIST_L2, cv2.DIST_MASK_5)
    soft = np.maximum(soft, np.clip((depth[side:-side, side:-side] - 1) / max(1, margin / 2), 0, 1))
    return Layer(mask, support, np.where(support, soft, np.float32(0))[..., None])


def kept_background(
    original: np.ndarray, background: np.ndarray, before: Layer, edited: np.ndarray, after: Layer, inpainter: Inpainter
) -> np.ndarray:
    """The edited foreground before the original's background.

    Args:
        original: RGB uint8 H×W×3.
        background: the original, completed where ``before`` has its support.
        edited: the plain edit.
        inpainter: completes the plain edit behind its foreground, which shows at its outline alone.

    Returns:
        RGB uint8 H×W×3; outside both supports its bytes are the original's.
    """
    own = completed(edited, after.support, inpainter)
    difference = background.astype(np.float32) - own
    kept = np.clip(np.rint(edited + (1 - after.alpha) * difference), 0, 255).astype(np.uint8)
    return np.where((before.support | after.support)[..., None], kept, original)


def figures(
    original: np.ndarray, before: Layer, edited: np.ndarray, after: Layer, kept: np.ndarray, previous: np.ndarray
) -> dict[str, float]:
    """What an edit did to an image, in numbers.

    Args:
        previous: the mask of the step before, bool H×W.

    Returns:
        ``area``: share of the image that the mask covers. ``iou_before``, ``iou_original``: overlap with the mask of
        the step before and with the original's. ``plain_outside``, ``kept_outside``: mean absolute difference of the
        plain edit and of the kept one to the original, in levels of 255, outside both supports. ``inside_db``:
        signal-to-noise ratio of the kept one to the plain edit within the mask. ``inside_change_db``: by how many dB
        the kept one is closer to the original than the plain edit within the mask; negative: further away.
    """
    outside, inside = ~(before.support | after.support), after.mask
    return {
        "area": float(inside.mean()),
        "iou_before": iou(inside, previous),
        "iou_original": iou(inside, before.mask),
        "plain_outside": _difference(edited, original, outside),
        "kept_outside": _difference(kept, original, outside),
        "inside_db": psnr(kept, edited, inside),
        "inside_change_db": psnr(kept, original, inside) - psnr(edited, original, inside),
    }


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks of type bool; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return int(np.count_nonzero(first & second)) / int(union) if union else 1.0


def psnr(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> float:
    """Signal-to-noise ratio in dB of pixels of two images, uint8; at most ``BEST_DB``, which no pixels give, too."""
    difference = first[where].astype(np.float64) - second[where]
    error = float(np.square(difference).mean()) if difference.size else 0.0
    return min(BEST_DB, 10 * float(np.log10(255**2 / error))) if error else BEST_DB


def _difference(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> float:
    difference = np.abs(first[where].astype(np.int16) - second[where])
    return float(difference.mean()) if difference.size else 0.0
