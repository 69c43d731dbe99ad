"""Who says what is foreground in an image: trained segmenters, ONNX models, detectors, masks made elsewhere."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from .. import weights
from ..addresses import shown
from ..errors import UserError
from ..instances.detector import Detector, is_detector
from ..instances.found import Found
from ..instances.listed import ListedInstances
from ..instances.reference import InstanceReference
from ..networks.segmenter import Segmenter
from ..samples.files import pairing
from ..samples.opening import Masks, open_masks
from ..samples.reading import Reading
from ..segmentation import segment
from ..settings.evaluate import InstanceSettings, SegmentingSettings
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


class InstanceMasker:
    """A detector, or what one wrote elsewhere: the union of the objects that it finds in an image."""

    def __init__(self, reference: InstanceReference):
        self._reference, self.name = reference, reference.name
        self.is_model = isinstance(reference, Detector)
        """Whether it is an ONNX model, whose input is treated."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the numbers must know, a sentence each."""
        return self._reference.notes

    def check(self, keys: Sequence[str]) -> None:
        """Refuse one that is of other images, before any work.

        Raises:
            UserError: says which.
        """
        self._reference.check(keys)

    def find(self, images: np.ndarray, keys: Sequence[str]) -> list[Found]:
        """The objects of each image; of images and names as ``Masker`` takes them."""
        return [self._reference.find(image, key) for image, key in zip(images, keys, strict=True)]

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        return np.stack([found.union for found in self.find(images, keys)])


def notes_of(maskers: Iterable[Masker]) -> list[str]:
    """Sentences that say how maskers were asked, where a reader of the numbers must know; most have none."""
    return [note for masker in maskers for note in getattr(masker, "notes", ())]


def check_flags(maskers: Sequence[Masker], settings: SegmentingSettings) -> None:
    """Refuse settings of ONNX models, or of references that give instances, where there is none: they would do nothing.

    Raises:
        UserError: names them.
    """
    from .onnx import OnnxMasker

    fields = type(settings).model_fields
    given = [name for name in fields if getattr(settings, name) != fields[name].default]
    of_files = [name for name in given if name.startswith("onnx_") or name == "reference_threshold"]
    of_objects = [name for name in given if name in InstanceSettings.model_fields]
    with_instances = [masker for masker in maskers if isinstance(masker, InstanceMasker)]
    models = any(isinstance(masker, OnnxMasker) for masker in maskers) or any(one.is_model for one in with_instances)
    if of_files and not models:
        raise UserError(
            ", ".join(map(_flag, of_files)), got="no ONNX model",
            expected="one, FILE.onnx: only such a model is asked in this way",
            remedy="leave them out, or name the model",
        )  # fmt: skip
    if of_objects and not with_instances:
        raise UserError(
            ", ".join(map(_flag, of_objects)), got="no reference that gives instances",
            expected="a detector with masks, FILE.onnx, or its list of detections, FILE.json",
            remedy="leave them out, or name the file",
        )  # fmt: skip


def open_masker(path: str, settings: SegmentingSettings, device: torch.device) -> Masker:
    """What a path of a reference or segmenter is.

    Args:
        path: a segmenter as ``weights.load_segmenter`` takes it, an ONNX file of a segmenter or of a detector with
            masks, a detector's list of what it found, or a folder of masks.
        settings: of ``evaluate alpha`` or ``evaluate segmenter``.

    Raises:
        UserError: it is nothing of the kind.
    """
    found, classes = Path(path).expanduser(), settings.foreground_classes
    if found.suffix.lower() == ".onnx":
        return _open_onnx(found, settings, device)
    if found.suffix.lower() == ".json":
        return InstanceMasker(ListedInstances(found, _without_foreground(found, settings)))
    if found.is_dir() and not is_native(found) and not is_native(found / weights.FINAL):
        foreground = tuple(map(str, classes)) or None
        reading = Reading(foreground=foreground, flag="--foreground-classes", predicted=True)
        return FolderMasker(open_masks(path, reading), resize=settings.resize)
    return NetworkMasker(weights.load_segmenter(path, foreground=classes or None).to(device), name=shown(path))


def _open_onnx(path: Path, settings: SegmentingSettings, device: torch.device) -> Masker:
    """A detector with masks if the model's outputs are those of one, else a segmenter."""
    from ..weights.onnx.session import open_session
    from .onnx import OnnxMasker

    session = open_session(path, device)
    if settings.onnx_output is None and is_detector(session):
        return InstanceMasker(Detector(path, _without_foreground(path, settings), session))
    return OnnxMasker(path, settings, session)


def _without_foreground(path: Path, settings: SegmentingSettings) -> SegmentingSettings:
    """The settings, if they say nothing that a segmenter alone understands."""
    if settings.onnx_logits:
        raise UserError(
            "--onnx-logits", got=f"{path}, which gives instances", expected="a segmenter of one channel",
            remedy="leave it out",
        )  # fmt: skip
    if settings.foreground_classes:
        raise UserError(
            "--foreground-classes", got=f"classes of a segmenter for {path}, which gives instances",
            expected="--reference-classes", remedy="name the classes by that",
        )  # fmt: skip
    return settings


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
