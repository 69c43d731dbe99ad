"""Baselines that see an image, or the features that drew it, and nothing else."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...seeding import generator_for
from .spectrum import leading

BORDER = 0.1
"""Width of an image's margin as a share of its side; GrabCut's box leaves it out."""
CENTRE = 0.25
"""From here to 1 − CENTRE in both directions is an image's centre."""
CLUSTERS = 4
_GRABCUT_ROUNDS, _GRABCUT_SIDE = 5, 256
_KMEANS_ROUNDS, _KMEANS_SIDE = 15, 64
_SPECTRAL_SIDE = 32
"""Pixels of an image's longer side when each is compared with each."""
_COLOURS, _DISTANCE = 10.0, 0.15
"""Difference in Lab, and in position over the image's longer side, at which two pixels have little in common."""


def grabcut(image: np.ndarray) -> np.ndarray:
    """GrabCut (Rother et al. 2004) from a centred box: RGB uint8 H×W×3 → mask uint8 H×W.

    Larger images are cut at 256 pixels, since its time grows faster than they do.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _GRABCUT_SIDE / max(height, width))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    h, w = small.shape[:2]
    box = (round(BORDER * w), round(BORDER * h), round((1 - 2 * BORDER) * w), round((1 - 2 * BORDER) * h))
    labels, foreground, background = np.zeros((h, w), np.uint8), np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # of this thread: its colour models begin with a random clustering
    try:
        cv2.grabCut(
            np.ascontiguousarray(small), labels, box, background, foreground, _GRABCUT_ROUNDS, cv2.GC_INIT_WITH_RECT
        )  # fmt: skip
    except cv2.error:  # too few colours for its models
        return np.zeros((height, width), np.uint8)
    mask = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT) if scale < 1 else mask


def difference(image: np.ndarray, background: np.ndarray) -> np.ndarray:
    """|image − background|, the largest of the channels, cut by Otsu's threshold: mask uint8 H×W.

    Args:
        background: RGB uint8 H×W×3, or one colour (3,).
    """
    distance = np.abs(image.astype(np.int16) - background.astype(np.int16)).max(-1).astype(np.uint8)
    return cv2.threshold(distance, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]


def border_colour(image: np.ndarray) -> np.ndarray:
    """The median colour of an image's margin, (3,): a guess at its background."""
    return np.median(image[_margin(*image.shape[:2])], 0).round().astype(np.uint8)


def clustered(features: Sequence[Tensor], size: int) -> list[Tensor]:
    """Choose the features that are clustered, those of 8 px to 64 px, from ``Generator.synthesize``'s (N, C, r, r)."""
    return [f for f in features if 8 <= f.shape[-1] <= min(size, _KMEANS_SIDE)] or list(features[-2:])


def cluster_features(features: Sequence[Tensor], size: int, *, seed: int) -> np.ndarray:
    """k-means on the features of one generated image: mask uint8 size×size.

    Args:
        features: those that ``clustered`` chooses, of one image, (C, r, r) each; they are resized to the largest.
    """
    side = min(size, _KMEANS_SIDE)
    maps = [_standardised(F.interpolate(f[None].float(), size=(side, side), mode="bilinear")[0]) for f in features]
    return _clustered(torch.cat(maps), (size, size), seed=seed)


def cluster_colours(image: np.ndarray, *, seed: int) -> np.ndarray:
    """k-means on the colours of an image, RGB uint8 H×W×3: mask uint8 H×W."""
    scale = min(1.0, _GRABCUT_SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return _clustered(torch.from_numpy(lab).permute(2, 0, 1), image.shape[:2], seed=seed)


def spectral(image: np.ndarray) -> np.ndarray:
    """Spectral clustering (Ng, Jordan and Weiss 2001) of colours and places: RGB uint8 H×W×3 → mask uint8 H×W.

    Pixels of a reduced image are as near as normalised cuts have it (Shi and Malik 2000, 4): by colour times by place.
    Unlike k-means it may follow a slow change of colour over a surface.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _SPECTRAL_SIDE / max(height, width))
    h, w = max(1, round(scale * height)), max(1, round(scale * width))
    small = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA) if scale < 1 else image
    lab = torch.from_numpy(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)).view(h * w, 3)
    near = torch.exp(-((torch.cdist(lab, lab) / _COLOURS).square() + _apart(h, w)))
    root = near.sum(1).rsqrt()
    points = F.normalize(leading((root[:, None] * near * root).double(), CLUSTERS).float(), dim=1)
    labels = kmeans(points, CLUSTERS, seed=0).view(h, w).numpy()
    mask = foreground_clusters(labels, CLUSTERS)
    if scale == 1:
        return mask
    # Outlines between the reduced image's pixels, not along them.
    share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return (share >= 0.5).astype(np.uint8)


@lru_cache(maxsize=2)
def _apart(height: int, width: int) -> Tensor:
    """Squared distances of all pixels from each other, in units of ``_DISTANCE``: (H·W, H·W)."""
    places = torch.cartesian_prod(torch.arange(height), torch.arange(width)) / max(height, width)
    return (torch.cdist(places, places) / _DISTANCE).square()


def kmeans(points: Tensor, k: int, *, seed: int, rounds: int = _KMEANS_ROUNDS) -> Tensor:
    """Cluster numbers (N,) of points (N, D): Lloyd's algorithm from k-means++ seeds, which ``seed`` fixes."""
    random = generator_for(seed, "kmeans", 0)
    first = int(torch.randint(len(points), (), generator=random))
    centres, squares = points[first][None], points.square().sum(1)
    nearest = _squared(points, squares, centres)[:, 0]
    for _ in range(1, min(k, len(points))):
        # Far points are likely to be the next centre; where all are equal, any is.
        weights = nearest.cpu().double().clamp_(min=0)
        weights = weights if weights.sum() > 0 else torch.ones_like(weights)
        chosen = int(torch.multinomial(weights, 1, generator=random))
        centres = torch.cat([centres, points[chosen][None]])
        nearest = torch.minimum(nearest, _squared(points, squares, centres[-1:])[:, 0])
    for _ in range(rounds):
        labels = _squared(points, squares, centres).argmin(1)
        members = F.one_hot(labels, len(centres)).to(points)
        counts = members.sum(0)[:, None]
        # A cluster that lost all its points stays where it was.
        moved = torch.where(counts > 0, members.T @ points / counts.clamp(min=1), centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return _squared(points, squares, centres).argmin(1)


def foreground_clusters(labels: np.ndarray, k: int) -> np.ndarray:
    """The clusters that are foreground as a mask uint8 H×W: a larger share of the centre than of the margin.

    Args:
        labels: cluster numbers H×W.
    """
    height, width = labels.shape
    rows, columns = (slice(round(CENTRE * s), round((1 - CENTRE) * s)) for s in (height, width))
    centre = np.bincount(labels[rows, columns].ravel(), minlength=k)
    margin = np.bincount(labels[_margin(height, width)].ravel(), minlength=k)
    chosen = centre / max(1, centre.sum()) > margin / max(1, margin.sum())
    return chosen[labels].astype(np.uint8)


ON_IMAGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "GrabCut from a centred box": grabcut,
    "k-means of colours": lambda image: cluster_colours(image, seed=0),
    "spectral clustering of colours": spectral,
    "difference to the margin's colour": lambda image: difference(image, border_colour(image)),
}
"""Baselines that see nothing but the image, RGB uint8 H×W×3 → mask uint8 H×W."""


def _clustered(maps: Tensor, size: tuple[int, int], *, seed: int) -> np.ndarray:
    """Maps (D, h, w) → the foreground clusters as a mask of ``size``."""
    labels = kmeans(maps.flatten(1).T.contiguous(), CLUSTERS, seed=seed).view(maps.shape[1:]).cpu().numpy()
    mask = foreground_clusters(labels, CLUSTERS)
    if mask.shape == tuple(size):
        return mask
    return cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def _standardised(maps: Tensor) -> Tensor:
    mean, deviation = maps.mean((1, 2), keepdim=True), maps.std((1, 2), keepdim=True)
    return (maps - mean) / deviation.clamp(min=1e-6) / maps.shape[0] ** 0.5


def _squared(points: Tensor, squares: Tensor, centres: Tensor) -> Tensor:
    """Squared distances (N, k)."""
    return squares[:, None] - 2 * points @ centres.T + centres.square().sum(1)


def _margin(height: int, width: int) -> np.ndarray:
    inside = np.ones((height, width), bool)
    y, x = max(1, round(BORDER * height)), max(1, round(BORDER * width))
    inside[y : height - y, x : width - x] = False
    return inside
