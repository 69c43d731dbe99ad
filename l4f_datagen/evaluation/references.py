"""Who says what is foreground in an image: trained segmenters, ONNX models, masks made elsewhere."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from .. import weights
from ..addresses import shown
from ..errors import UserError
from ..networks.segmenter import Segmenter
from ..samples.files import pairing
from ..samples.opening import Masks, open_masks
from ..samples.reading import Reading
from ..segmentation import segment
from ..settings.evaluate import SegmentingSettings
from ..weights.native import is_native
from .matching import few, fit


class Masker(Protocol):
    """Images → masks; a reference, or what is measured."""

    name: str

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        """RGB uint8 N×H×W×3 and their names → uint8 N×H×W: 0 background, 1 foreground."""
        ...


class NetworkMasker:
    """A segmenter of ours or of face parsing, on its device."""

    def __init__(self, network: Segmenter, *, name: str):
        self.name, self.architecture, self._network = name, network.name, network.eval()

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        return segment(self._network, images, batch_size=len(images)).mask


class FolderMasker:
    """Masks that another program made, by the names of the images."""

    def __init__(self, masks: Masks, *, resize: bool = False):
        self.name, self._masks, self._resize = masks.name, masks, resize
        self._partners: dict[str, str] = {}

    def check(self, keys: Sequence[str]) -> None:
        """Refuse a folder that lacks masks, before any work.

        Raises:
            UserError: names the missing ones.
        """
        wanted = [key for key in keys if key not in self._partners]
        if wanted:
            self._partners |= pairing.pairs(wanted, list(self._masks.keys))
        if missing := [key for key in wanted if key not in self._partners]:
            raise UserError(
                self.name, got=f"no mask for {len(missing)} of {len(keys)} images ({few(missing)})",
                expected="one for each, by its name",
                remedy="add them; --export-images of evaluate alpha gives the images of generated samples",
            )  # fmt: skip

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        self.check(keys)
        like = images[0, :, :, 0]
        masks = [self._masks.mask(self._masks.number(self._partners[key])) for key in keys]
        return np.stack([
            fit(mask, like, resize=self._resize, name=f"{self.name}: {key}")
            for key, mask in zip(keys, masks, strict=True)
        ])  # fmt: skip


def notes_of(maskers: Iterable[Masker]) -> list[str]:
    """Sentences that say how maskers were asked, where a reader of the numbers must know; most have none."""
    return [note for masker in maskers for note in getattr(masker, "notes", ())]


def check_flags(maskers: Iterable[Masker], settings: SegmentingSettings) -> None:
    """Refuse settings of ONNX models where there is none: they would do nothing.

    Raises:
        UserError: names them.
    """
    from .onnx import OnnxMasker

    fields = type(settings).model_fields
    names = [name for name in fields if name.startswith("onnx_")] + ["reference_threshold"]
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(settings, name) != fields[name].default]
    if given and not any(isinstance(masker, OnnxMasker) for masker in maskers):
        raise UserError(
            ", ".join(given), got="no ONNX model", expected="one, FILE.onnx: only such a model is asked in this way",
            remedy="leave them out, or name the model",
        )  # fmt: skip


def open_masker(path: str, settings: SegmentingSettings, device: torch.device) -> Masker:
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
        foreground = tuple(map(str, classes)) or None
        reading = Reading(foreground=foreground, flag="--foreground-classes", predicted=True)
        return FolderMasker(open_masks(path, reading), resize=settings.resize)
    return NetworkMasker(weights.load_segmenter(path, foreground=classes or None).to(device), name=shown(path))
