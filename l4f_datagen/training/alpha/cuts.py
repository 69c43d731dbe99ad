"""A colour cut of one image that an alpha seeds: where the outline lies that the colours say."""

from typing import NamedTuple

import cv2
import numpy as np

FEWEST = 0.0075
"""Share of the pixels that both sides have at least, for their colours to be known."""


class CutLaw(NamedTuple):
    """How much of an alpha a cut takes for certain."""

    inside: float = 0.08
    """From this distance of its outline on, the foreground is certain; as a share of the image's longer side."""
    outside: float = 0.22
    """The same of the background."""
    rounds: int = 4
    """Rounds of GrabCut, each with new colour models."""
    sides: tuple[int, int] = (128, 256)
    """Images are cut no smaller and no larger than so many pixels of the longer side."""


def cut(image: np.ndarray, alpha: np.ndarray, law: CutLaw = CutLaw()) -> np.ndarray | None:  # noqa: B008 - immutable
    """GrabCut (Rother et al. 2004) from the certain parts of an alpha: the mask float32 H×W in [0, 1].

    What is far from the alpha's outline stays; between, two models of the colours, one of each side, and the edges of
    the image decide. Values between 0 and 1 are shares of a pixel, where the cut was made at a larger size.

    Args:
        image: RGB uint8 H×W×3.
        alpha: float H×W in [0, 1]; more than 0.5 is probably foreground.

    Returns:
        None if one of the sides is too small or too plain to have a model.
    """
    height, width = alpha.shape
    mask = (alpha > 0.5).astype(np.uint8)
    if not FEWEST <= mask.mean() <= 1 - FEWEST:
        return None
    smaller, larger = law.sides
    longest = max(height, width)
    scale = min(max(longest, smaller), larger) / longest
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    labels = cv2.resize(_seeds(mask, law, longest), size, interpolation=cv2.INTER_NEAREST)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = np.ascontiguousarray(cv2.resize(image, size, interpolation=way))
    cv2.setRNGSeed(0)  # of this thread: colour models begin with a random clustering
    try:
        cv2.grabCut(picture, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), law.rounds, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few colours for its models
        return None
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return cv2.resize(found, (width, height), interpolation=way)


def _seeds(mask: np.ndarray, law: CutLaw, longest: int) -> np.ndarray:
    """GrabCut's labels of a mask H×W: what is certain, and what is only probable."""
    labels = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    for of, distance, certain in ((mask, law.inside, cv2.GC_FGD), (1 - mask, law.outside, cv2.GC_BGD)):
        labels[cv2.distanceTransform(of, cv2.DIST_L2, 3) > distance * longest] = certain
    return labels
