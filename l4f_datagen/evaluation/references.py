"""Who says what is foreground in an image: trained segmenters, ONNX models, masks made elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .. import weights
from ..addresses import shown
from ..errors import UserError
from ..networks.segmenter import Segmenter
from ..segmentation import segment
from ..settings import StageSettings
from ..weights.native import is_native
from .labelled import Masks, few, open_masks
from .masks import Reading, fit


class Masker(Protocol):
    """Images → masks; a reference, or what is measured."""

    name: str

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        """RGB uint8 N×H×W×3 and their names → uint8 N×H×W: 0 background, 1 foreground."""


class NetworkMasker:
    """A segmenter of ours or of face parsing, on its device."""

    def __init__(self, network: Segmenter, *, name: str):
        self.name, self.architecture, self._network = name, network.name, network.eval()

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        return segment(self._network, images, batch_size=len(images)).mask


class FolderMasker:
    """Masks that another program made, by the names of the images."""

    def __init__(self, masks: Masks, *, resize: bool = False):
        self.name, self._masks, self._keys, self._resize = masks.name, masks, set(masks.keys), resize

    def check(self, keys: Sequence[str]) -> None:
        """Refuse a folder that lacks masks, before any work.

        Raises:
            UserError: names the missing ones.
        """
        if missing := [key for key in keys if key not in self._keys]:
            raise UserError(
                self.name, got=f"no mask for {len(missing)} of {len(keys)} images ({few(missing)})",
                expected="one for each, by its name",
                remedy="add them; --export-images of evaluate alpha gives the images of generated samples",
            )  # fmt: skip

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        self.check(keys)
        like = images[0, :, :, 0]
        fitted = (fit(self._masks.mask(k), like, resize=self._resize, name=f"{self.name}: {k}") for k in keys)
        return np.stack(list(fitted))


def open_masker(path: str, settings: StageSettings, device: torch.device) -> Masker:
    """What a path of a reference or segmenter is.

    Args:
        path: a segmenter as ``weights.load_segmenter`` takes it, an ONNX file or a folder of masks.
        settings: of ``evaluate alpha`` or ``evaluate segmenter``.

    Raises:
        UserError: it is nothing of the kind.
    """
    found, classes = Path(path).expanduser(), settings.foreground_classes
    if found.suffix.lower() == ".onnx":
        from .onnx import OnnxMasker

        return OnnxMasker(found, settings, device)
    if found.is_dir() and not is_native(found) and not is_native(found / weights.FINAL):
        return FolderMasker(open_masks(path, Reading(classes=classes)), resize=settings.resize)
    return NetworkMasker(weights.load_segmenter(path, foreground=classes or None).to(device), name=shown(path))


def foreground_of(classes: Tensor, foreground: Sequence[int]) -> Tensor:
    """Class indices → uint8 0 and 1; without names all classes but 0 are foreground."""
    if not foreground:
        return (classes != 0).to(torch.uint8)
    return torch.isin(classes, torch.tensor(foreground, device=classes.device)).to(torch.uint8)
