"""What masks tell of themselves, without a reference: pure functions of images and masks.

How they go with the true mIoU of alpha networks stands in ``docs/evaluation.md``: none does everywhere. ``variety`` is
the best on faces and misleads on vessels; ``edges`` and ``colour_separation`` are the best on vessels, and reward
whatever a colour cut does.
"""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from .cuts import cut, touched_sides
from .tables import Row

RING = 0.08
"""Width of the ring around a mask in which ``leak`` looks, as a share of the longer side."""
JUDGED = 100
"""Samples that are judged without a reference."""
_SIDE = 128
"""Larger pictures are judged at this size, which their colours do not mind."""
_BINS, _FEWEST = 4, 20
"""Bins of each colour channel; pixels that a histogram is made of at least."""


def variety(masks: np.ndarray) -> float:
    """Mean |M_i − M_j| over pixels and pairs of neighbours, of masks (N, H, W) of 0 and 1; the last one's is the first.

    0 where all are equal. It cannot tell masks from noise, and is largest for areas near one half.
    """
    hard = masks.astype(bool)
    return float((hard != np.roll(hard, 1, 0)).mean()) if len(hard) > 1 else 1.0


def area_deviation(masks: np.ndarray) -> float:
    """Standard deviation of the share of foreground over masks (N, H, W)."""
    return float(masks.mean((1, 2)).std())


def edges(images: np.ndarray, masks: np.ndarray) -> float:
    """How much stronger edges of the images are on the masks' outlines than elsewhere: a ratio, 1 for any outline.

    Args:
        images: RGB uint8 (N, H, W, 3).
        masks: (N, H, W) of 0 and 1.
    """
    on, everywhere, count, total = 0.0, 0.0, 0, 0
    hard = masks.astype(bool)
    for axis in (1, 2):
        steps = np.linalg.norm(np.diff(images.astype(np.float32), axis=axis), axis=-1)
        outline = np.diff(hard, axis=axis)
        on, count = on + float(steps[outline].sum()), count + int(outline.sum())
        everywhere, total = everywhere + float(steps.sum()), total + steps.size
    return (on / count) / (everywhere / total) if count and everywhere else 0.0


def colour_separation(images: np.ndarray, masks: np.ndarray) -> float:
    """Mean total variation between the colours of both sides of each image, histograms of 64 bins: 0 alike, 1 apart.

    Arguments as of ``edges``. An image in which one side is nearly empty counts as 0.
    """
    found = [_total_variation(bins, mask.astype(bool)) for bins, mask in zip(_binned(images), masks, strict=True)]
    return float(np.mean(found)) if found else 0.0


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Mean IoU of the foregrounds of two masks of each image, (N, H, W) of 0 and 1; 1 where both are empty."""
    one, other = first.astype(bool), second.astype(bool)
    shared = (one & other).sum((1, 2))
    all_ = (one | other).sum((1, 2))
    return float(np.where(all_, shared / np.maximum(all_, 1), 1.0).mean()) if len(one) else 1.0


def stability(first: np.ndarray, second: np.ndarray) -> float:
    """mIoU, pooled over all pixels, of masks (N, H, W) of the same codes with other noise, or another ψ."""
    one, other = first.astype(bool), second.astype(bool)
    sides = ((one, other), (~one, ~other))
    return float(np.mean([(a & b).sum() / max(1, (a | b).sum()) for a, b in sides]))


def leak(images: np.ndarray, masks: np.ndarray) -> float:
    """Share of the ring outside the outlines whose colour is more frequent in the foreground than in the background.

    About 0 where the object is whole; large where a part of it was left outside. Arguments as of ``edges``.
    """
    leaked, looked_at = 0, 0
    for bins, mask in zip(_binned(images), masks.astype(np.uint8), strict=True):
        far = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3) if mask.any() else np.zeros(mask.shape, np.float32)
        ring = (far > 0) & (far <= max(1.0, RING * max(mask.shape)))
        inside, outside = _histogram(bins[mask == 1]), _histogram(bins[(mask == 0) & ~ring])
        if inside is None or outside is None:
            continue
        leaked, looked_at = leaked + int((inside > outside)[bins[ring]].sum()), looked_at + int(ring.sum())
    return leaked / looked_at if looked_at else 0.0


def measure(images: np.ndarray, alphas: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """All criteria of one set of samples by name, but those that compare two sets.

    Args:
        images: RGB uint8 (N, H, W, 3).
        alphas: float (N, H, W) in [0, 1].
    """
    masks = alphas > threshold
    return {
        "area": float(masks.mean()),
        "area_deviation": area_deviation(masks),
        "decisiveness": float(np.abs(2 * alphas - 1).mean()),
        "variety": variety(masks),
        "edges": edges(images, masks),
        "colour_separation": colour_separation(images, masks),
        "leak": leak(images, masks),
    }


def rounded(measured: Mapping[str, float]) -> dict[str, float]:
    """As cards tell them."""
    return {name: round(value, 4) for name, value in measured.items()}


class Judged:
    """The first samples of a set, at most 128 px large, for their criteria."""

    def __init__(self) -> None:
        self._images: list[np.ndarray] = []
        self._alphas: list[np.ndarray] = []

    def add(self, images: np.ndarray, alphas: np.ndarray) -> None:
        """Look at samples, unless enough were seen: RGB uint8 (N, H, W, 3), alphas uint8 (N, H, W)."""
        for image, alpha in zip(images, alphas, strict=True):
            if len(self._images) < JUDGED:
                self._images.append(_small(image))
                self._alphas.append(_small(alpha))

    def rows(self, name: str, thresholds: Sequence[float], psi: float, first: "Judged | None" = None) -> list[Row]:
        """A row of criteria for each threshold.

        ``cut_agreement``: mean IoU with the colour cuts that masks seed. ``psi_stability``: see ``stability``, against
        the same codes at the ``first`` ψ.
        """
        images, alphas = np.stack(self._images), np.stack(self._alphas).astype(np.float32) / 255
        found = []
        for threshold in thresholds:
            masks = alphas >= threshold
            touched = touched_sides(masks)
            cuts = [cut(image, mask, touched=touched) for image, mask in zip(images, masks.astype(np.float32))]
            pairs = [(one > 0.5, mask) for one, mask in zip(cuts, masks) if one is not None]
            agreeing = agreement(*map(np.stack, zip(*pairs))) if pairs else 0.0
            values: dict[str, float | None] = {**measure(images, alphas, threshold), "cut_agreement": agreeing}
            if first is not None:
                others = np.stack(first._alphas).astype(np.float32) / 255 >= threshold
                values["psi_stability"] = stability(others, masks)
            labels = {"masks": name, "threshold": threshold, "psi": psi}
            found.append(Row(labels=labels, images=len(images), values=values))
        return found


def _small(picture: np.ndarray) -> np.ndarray:
    scale = _SIDE / max(picture.shape[:2])
    return picture if scale >= 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _binned(images: np.ndarray) -> np.ndarray:
    """The colour bin of every pixel: (N, H, W, 3) uint8 → (N, H, W)."""
    parts = images.astype(np.int64) * _BINS // 256
    return (parts[..., 0] * _BINS + parts[..., 1]) * _BINS + parts[..., 2]


def _histogram(bins: np.ndarray) -> np.ndarray | None:
    """Shares of the colours; None of too few pixels."""
    return np.bincount(bins, minlength=_BINS**3) / len(bins) if len(bins) >= _FEWEST else None


def _total_variation(bins: np.ndarray, mask: np.ndarray) -> float:
    inside, outside = _histogram(bins[mask]), _histogram(bins[~mask])
    return 0.0 if inside is None or outside is None else float(np.abs(inside - outside).sum() / 2)
