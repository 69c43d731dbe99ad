"""How good a segmenter is on images that it does not learn from, and a sheet of them to look at."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ...networks.pixels import image_to_uint8
from ...networks.segmenter import Segmenter, foreground_alpha, foreground_mask
from ...sheet import picture_grid, save_png
from .batches import IGNORED, Batch

_COLUMNS = 8
_SHADES = 255


@torch.inference_mode()
def validate(network: Segmenter, batches: Iterator[Batch], device: torch.device) -> dict[str, float]:
    """mIoU, the foreground's IoU and accuracy, each from one confusion matrix over all pixels; classes absent from
    truth and masks alike do not count."""
    counts = torch.zeros(network.classes, network.classes, dtype=torch.long, device=device)
    for batch in batches:
        batch = batch.to(device)
        counts += confusion(batch.masks, network(batch.images).argmax(1), network.classes)
    return measures(counts, network.foreground)


def confusion(truth: Tensor, found: Tensor, classes: int) -> Tensor:
    """Pixel counts (classes, classes), truth by row; ignored pixels do not count."""
    valid = truth != IGNORED
    pairs = classes * truth[valid] + found[valid]
    return torch.bincount(pairs, minlength=classes * classes).view(classes, classes)


def measures(counts: Tensor, foreground: tuple[int, ...]) -> dict[str, float]:
    """``miou``, ``iou_foreground`` (all its classes as one) and ``accuracy`` of a confusion matrix."""
    counts = counts.cpu().double()  # not every GPU has 64 bits
    hits, union = counts.diag(), counts.sum(0) + counts.sum(1) - counts.diag()
    present = union > 0
    rows = torch.zeros(len(counts), dtype=torch.bool, device=counts.device)
    rows[list(foreground)] = True
    inside = counts[rows][:, rows].sum()
    either = counts[rows].sum() + counts[:, rows].sum() - inside
    return {
        "miou": float((hits[present] / union[present]).mean()) if present.any() else 0.0,
        "iou_foreground": float(inside / either) if either > 0 else 1.0,
        "accuracy": float(hits.sum() / counts.sum().clamp(min=1)),
    }


@torch.inference_mode()
def save_sheet(path: Path, network: Segmenter, batch: Batch, device: torch.device) -> None:
    """Write images, their truth, and what the network says; the same images every time."""
    batch = Batch(*(tensor[:_COLUMNS] for tensor in (batch.images, batch.masks, batch.alphas))).to(device)
    scores = network(batch.images)
    shade = _SHADES // (network.classes - 1)
    rows = {
        "image": image_to_uint8(batch.images),
        "truth": torch.where(batch.masks == IGNORED, 128, batch.masks * shade),
        "alpha": foreground_alpha(scores, network.foreground).mul(255).round(),
        "mask": scores.argmax(1) * shade,
        "foreground": foreground_mask(scores.argmax(1), network.foreground) * 255,
    }
    if network.classes == 2:
        del rows["foreground"]  # the mask is it
    pictures = {name: list(row.to(torch.uint8).contiguous().cpu().numpy()) for name, row in rows.items()}
    save_png(path, picture_grid(pictures))
