"""A segmenter on images of any size: resized and back, or tile by tile."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..masks import MaskLaw, make_mask
from ..networks.pixels import image_from_uint8
from ..networks.segmenter import Segmenter, foreground_mask

_LARGE, _BAND = 1 << 24, 1 << 22
"""Images of more pixels than the first are brought back to their size in bands of about as many as the second."""


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """Masks and alphas of N images. Arrays are uint8, N×H×W."""

    classes: np.ndarray
    """The most probable class of each pixel."""
    alpha: np.ndarray
    """round(255 · probability of the foreground)."""
    mask: np.ndarray
    """0 background, 1 foreground."""


@torch.inference_mode()
def segment(
    network: Segmenter,
    images: np.ndarray,
    *,
    size: int | None = None,
    tile: int | None = None,
    overlap: float = 0.25,
    threshold: float | None = None,
    batch_size: int = 16,
) -> Segmentation:
    """Segment images of one size, on the network's device; results have the images' size.

    Args:
        network: in evaluation mode, as ``load_segmenter`` gives it.
        images: RGB uint8 N×H×W×3.
        size: shorter side, in pixels, that images are resized to; None: what the network was trained on, or with
            tiles, and where that is not known, the images as they are.
        tile: height and width of tiles that cover the image and overlap by the share ``overlap`` of their side.
        threshold: probability from which a pixel is foreground; None: where its most probable class is one of the
            foreground's.
        batch_size: images or tiles per forward pass.
    """
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 N×H×W×3")
    height, width = images.shape[1:3]
    size = size or (None if tile else network.size)
    scale = size / min(height, width) if size else 1.0
    inner = (max(1, round(height * scale)), max(1, round(width * scale)))
    parts = []
    for start in range(0, len(images), 1 if tile else batch_size):
        part = images[start : start + (1 if tile else batch_size)]
        batch = _to_network(network, np.stack([_resized(image, inner) for image in part]))
        if tile:
            probabilities = _tiled(network, batch, min(tile, *inner), overlap, batch_size)
        else:
            probabilities = network(batch).float().softmax(1)
        # One by one, large ones in bands: at their own size, many classes of many images do not fit into memory.
        for one in probabilities.split(1):
            bands = [_decided(network, band, threshold) for band in _bands(one, height, width)]
            parts.append([_joined(column, 1) for column in zip(*bands)])
    none = np.zeros((0, height, width), np.uint8)
    classes, alpha, mask = (_joined(column, 0) for column in zip(*parts)) if parts else (none, none, none)
    return Segmentation(classes=classes, alpha=alpha, mask=mask)


def _joined(arrays: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Arrays one after the other; a single one as it is, since it may be large."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis)


def _bands(probabilities: Tensor, height: int, width: int) -> Iterator[Tensor]:
    """Probabilities (1, classes, h, w) of one image at the image's size; of large ones in bands of rows."""
    rows = height if height * width <= _LARGE else max(1, _BAND // width)
    if probabilities.shape[2:] == (height, width):
        yield from probabilities.split(rows, 2)
    elif rows == height:
        yield F.interpolate(probabilities, size=(height, width), mode="bilinear", align_corners=False)
    else:
        source = probabilities.shape[2]
        wide = F.interpolate(probabilities, size=(source, width), mode="bilinear", align_corners=False)
        places = torch.arange(height, device=wide.device, dtype=torch.float32)
        for place in ((places + 0.5) * (source / height) - 0.5).clamp_(min=0).split(rows):
            above = place.long()
            below = (above + 1).clamp_(max=source - 1)
            yield torch.lerp(wide[:, :, above], wide[:, :, below], (place - above)[:, None])


def _decided(network: Segmenter, probabilities: Tensor, threshold: float | None) -> tuple[np.ndarray, ...]:
    classes = probabilities.argmax(1)
    alpha = probabilities[:, list(network.foreground)].sum(1).clamp_(0, 1)
    stored = (classes, alpha.mul(255).round_(), foreground_mask(classes, network.foreground))
    classes, alpha, mask = (t.to(torch.uint8).cpu().numpy() for t in stored)
    if threshold is not None:
        mask = np.stack([make_mask(one, MaskLaw(threshold=threshold)) for one in alpha])
    return classes, alpha, mask


def _tiled(network: Segmenter, batch: Tensor, tile: int, overlap: float, batch_size: int) -> Tensor:
    """Probabilities (1, classes, H, W) of one image, averaged over tiles, with more weight in a tile's middle."""
    height, width = batch.shape[2:]
    corners = [(y, x) for y in _starts(height, tile, overlap) for x in _starts(width, tile, overlap)]
    ramp = torch.arange(tile, device=batch.device, dtype=torch.float32)
    ramp = (torch.minimum(ramp, ramp.flip(0)) + 1) / tile
    weight = ramp[:, None] * ramp
    total = torch.zeros(network.classes, height, width, device=batch.device)
    weights = torch.zeros(height, width, device=batch.device)
    for start in range(0, len(corners), batch_size):
        some = corners[start : start + batch_size]
        tiles = torch.cat([batch[:, :, y : y + tile, x : x + tile] for y, x in some])
        for (y, x), probabilities in zip(some, network(tiles).float().softmax(1)):
            total[:, y : y + tile, x : x + tile] += weight * probabilities
            weights[y : y + tile, x : x + tile] += weight
    return (total / weights)[None]


def _starts(length: int, tile: int, overlap: float) -> list[int]:
    """Where tiles begin, evenly spread, so that neighbours overlap by at least that share."""
    if length <= tile:
        return [0]
    count = 1 + math.ceil((length - tile) / max(1, tile * (1 - overlap)))
    return [round(k * (length - tile) / (count - 1)) for k in range(count)]


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if image.shape[:2] == size:
        return image
    way = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(image, size[::-1], interpolation=way)


def _to_network(network: Segmenter, images: np.ndarray) -> Tensor:
    """uint8 N×H×W×3 → (N, 3, H, W) in [-1, 1] on the network's device."""
    device = next(network.parameters()).device
    return image_from_uint8(torch.from_numpy(images).to(device))
