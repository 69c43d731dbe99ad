"""A colour cut of one image that an alpha seeds: where the outline lies that the colours say."""

from collections.abc import Collection
from typing import NamedTuple

import cv2
import numpy as np

FEWEST = 0.0075
"""Share of the pixels that both sides have at least, for their colours to be known."""


class CutLaw(NamedTuple):
    """How much of an alpha a cut takes for certain."""

    inside: float = 5 / 64
    """From this distance of its outline on, the foreground is certain; as a share of the image's longer side."""
    outside: float = 10 / 64
    """The same of the background."""
    near: float = 20 / 64
    """How near to a side that the object touches no background is certain: what alphas leave out there, shoulders say,
    colours may bring back."""
    rounds: int = 4
    """Rounds of GrabCut, each with new colour models."""
    most: int = 256
    """Larger images are cut at so many pixels of the longer side. Smaller ones are not enlarged, which made cuts worse:
    faces of 64 px, mIoU .774 at 128 px and .781 at their own."""


LAW = CutLaw()
LAWS = tuple(CutLaw(inside / 64, outside / 64) for inside, outside in ((1.5, 4), (1.5, 10), (2, 7), (3, 4), (3, 10)))
"""Ways to cut the same image: where they disagree, colours do not say where the outline lies.

Most of what an alpha shows is certain in all of them. Where only its middle was, at 5/64 and more, cuts of lesions lost
their soft edges and large lesions whole: mIoU .834 against .874 with these, and .854 of the alphas that seeded them; of
faces .780, .799 and .696. Distances as shares of the object's own depth were no better than these (.866 and .795).
"""
DECIDED = 0.1
"""Alphas of both sides of an image differ by this much on average, or the alpha shows no object there."""
_SURE = 0.25
"""A decided alpha's sides are this close to 0 and 1 on average."""
TOUCHED, OPPOSITE = 0.2, 0.5
"""Mean share of a side's pixels that are foreground from which the object may count as touching that side, and of that
what the opposite side has at most: an object that reaches both fills the image between them. Masks of faces from
adversarial training have .49 of the lower side and less than .06 of the others; good ones .88, and .25 to .28. Had the
object counted as touching all four sides, no background would be certain: mIoU .67 instead of .80 for such cuts."""
_NO_BOX = (0, 0, 1, 1)
"""GrabCut looks at a box only where it has no mask."""
_SIDES = {"top": (0, slice(None)), "bottom": (-1, slice(None)), "left": (slice(None), 0), "right": (slice(None), -1)}
"""Each side's pixels in an image (H, W)."""
_ACROSS = {"top": "bottom", "bottom": "top", "left": "right", "right": "left"}


def touched_sides(masks: np.ndarray) -> frozenset[str]:
    """The sides of the image that the object of a class touches: "top", "bottom", "left", "right".

    Args:
        masks: (N, H, W) of 0 and 1, of many samples.
    """
    shares = {name: float(masks[(slice(None), *place)].mean()) for name, place in _SIDES.items()}
    return frozenset(
        name for name, share in shares.items() if share >= TOUCHED and shares[_ACROSS[name]] <= OPPOSITE * share
    )


def probable(alpha: np.ndarray) -> np.ndarray:
    """What an alpha takes for the object: bool H×W, more than 0.5 where it is decided.

    One that is not, whose values all lie between 0.3 and 0.6 say, still knows more than 0.5 tells of it, and is parted
    at the threshold that its own values show (Otsu 1979): such alphas of lesions had mIoU .48 at 0.5, and .72 at their
    own thresholds. One whose sides hardly differ (``DECIDED``) shows no object but noise, and is parted at 0.5 too.
    """
    threshold, _ = cv2.threshold(np.rint(255 * alpha).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    above = alpha > threshold / 255
    if not above.any() or above.all():
        return alpha > 0.5
    inside, outside = float(alpha[above].mean()), float(alpha[~above].mean())
    undecided = inside < 1 - _SURE or outside > _SURE
    return alpha > ((inside + outside) / 2 if undecided and inside - outside >= DECIDED else 0.5)


def cut(image: np.ndarray, alpha: np.ndarray, *, touched: Collection[str] = (), law: CutLaw = LAW) -> np.ndarray | None:
    """GrabCut (Rother et al. 2004) from the certain parts of an alpha: the mask float32 H×W in [0, 1].

    What is far from the alpha's outline stays; between, two models of the colours, one of each side, and the edges of
    the image decide. Values between 0 and 1 are along outlines of cuts that were made at a smaller size.

    Args:
        image: RGB uint8 H×W×3.
        alpha: float H×W in [0, 1]; see ``probable``.
        touched: sides of the image that objects of this class touch, as ``touched_sides`` names them.

    Returns:
        None if one of the sides is too small or too plain to have a model.
    """
    height, width = alpha.shape
    mask = probable(alpha).astype(np.uint8)
    if not FEWEST <= mask.mean() <= 1 - FEWEST:
        return None
    longest = max(height, width)
    scale = min(1.0, law.most / longest)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    labels = cv2.resize(_seeds(mask, touched, law), size, interpolation=cv2.INTER_NEAREST)
    picture = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    cv2.setRNGSeed(0)  # of this thread: colour models begin with a random clustering
    try:
        cv2.grabCut(picture, labels, _NO_BOX, np.zeros((1, 65)), np.zeros((1, 65)), law.rounds, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few colours for its models
        return None
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)


def votes(image: np.ndarray, alpha: np.ndarray, *, touched: Collection[str] = ()) -> np.ndarray | None:
    """The mean of the cuts by all ``LAWS``, float32 H×W in [0, 1]; arguments, and None, as of ``cut``."""
    found = [one for law in LAWS if (one := cut(image, alpha, touched=touched, law=law)) is not None]
    return np.stack(found).mean(0) if found else None


def _seeds(mask: np.ndarray, touched: Collection[str], law: CutLaw) -> np.ndarray:
    """GrabCut's labels of a mask H×W: what is certain, and what is only probable."""
    height, width = mask.shape
    longest = max(height, width)
    labels = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.distanceTransform(mask, cv2.DIST_L2, 3) > law.inside * longest] = cv2.GC_FGD
    background = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3) > law.outside * longest
    rows, columns = np.arange(height)[:, None], np.arange(width)
    away = {"top": rows, "bottom": height - 1 - rows, "left": columns, "right": width - 1 - columns}
    for side in touched:
        background &= away[side] >= law.near * longest
    labels[background] = cv2.GC_BGD
    return labels
