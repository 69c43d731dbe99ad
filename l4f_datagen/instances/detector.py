"""A detector with masks as an ONNX file, run by onnxruntime on one image at a time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ..documents import Unreadable, read_yaml
from ..errors import UserError
from ..settings.evaluate import SegmentingSettings
from ..weights.onnx.images import ImageInput
from ..weights.onnx.session import open_session, outputs_in_words, run_outputs
from .classes import numbers_of
from .found import NOISE, Found, distinct
from .layouts import Layout, layout_of, misfit

_NAMES, _SIDE = "names", "imgsz"
"""Keys of the metadata: names of the classes, by number or in order, and height and width of the input."""
_TASK, _OTHER_TASKS = "task", ("detect", "obb", "pose", "classify")
"""What a YOLO was trained for, in its metadata, and those answers that hold no masks."""
_LARGEST = 8192


class Detector:
    """A model of one image input that gives objects with masks.

    Args:
        path: the file.
        settings: score and classes that count, and how the input is treated.
        session: the file, opened.

    Raises:
        UserError: it is no detector with masks, has no such classes, or a setting is of a list of detections.
    """

    def __init__(self, path: Path, settings: SegmentingSettings, session: Any):
        self.name, self._session, self._score = str(path), session, settings.reference_score
        self._layout = self._find_layout()
        if settings.reference_images is not None:
            raise UserError(
                "--reference-images", got=f"{path}, which sees the images themselves",
                expected="a list of detections, FILE.json", remedy="leave it out",
            )  # fmt: skip
        metadata = session.get_modelmeta().custom_metadata_map
        self._images = ImageInput(session, self.name, settings, detector=True, side=_side(metadata.get(_SIDE)))
        if self._images.batch not in (None, 1):
            raise UserError(
                self.name, got=f"an input of {self._images.batch} images", expected="one image at a time",
                remedy="export it with a batch of 1",
            )  # fmt: skip
        self._classes = numbers_of(settings.reference_classes, _names(metadata.get(_NAMES)), self.name)
        self.notes = self._images.treatment.notes

    def check(self, keys: Sequence[str]) -> None:
        """A detector can be asked about any image."""

    def find(self, image: np.ndarray, key: str) -> Found:
        """As ``InstanceReference`` has it; several threads may ask at a time."""
        x = self._images.prepare(image[None])
        size = x.shape[1:3] if self._images.channels_last else x.shape[2:4]
        inputs = {self._images.name: x[0] if self._images.single else x}
        answers = run_outputs(self._session, self.name, self._layout.outputs, inputs, f"an image of {x.shape}")
        least = min(NOISE, self._score)
        found = self._layout.read([np.asarray(a) for a in answers], size, self.name, least=least)
        wanted = np.ones(len(found.scores), bool)
        if self._classes is not None:
            wanted = np.isin(found.classes, list(self._classes))
        sure = np.flatnonzero(wanted & (found.scores >= self._score))
        masks = [_fitted(found.mask(int(n), self._images.treatment.threshold), image.shape[:2]) for n in sure]
        return Found(
            masks=distinct(masks, found.scores[sure].tolist(), image.shape[:2]), lesser=int(wanted.sum()) - len(sure)
        )

    def _find_layout(self) -> Layout:
        layout = layout_of(self._session.get_outputs())
        if layout is None:
            raise misfit(self.name, f"a model with the outputs {outputs_in_words(self._session)}")
        return layout


def is_detector(session: Any) -> bool:
    """Whether an ONNX model gives objects, be it with masks or, so that it is refused as such, without."""
    outputs = session.get_outputs()
    without_masks = session.get_modelmeta().custom_metadata_map.get(_TASK) in _OTHER_TASKS
    return without_masks or layout_of(outputs) is not None or any("boxes" in output.name.lower() for output in outputs)


def open_detector(path: Path, settings: SegmentingSettings, device: torch.device) -> Detector:
    """A detector for ``generate``, whose threads ask it side by side: on a CPU each call takes one thread.

    Raises:
        UserError: it cannot be read, or is no detector with masks.
    """
    return Detector(path, settings, open_session(path, device, threads=1 if device.type == "cpu" else None))


def _fitted(mask: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A bool mask at the size of its image."""
    if mask.shape == size:
        return mask
    return cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST_EXACT) > 0


def _names(text: str | None) -> dict[int, str]:
    """Names of classes: "{0: 'person', 1: 'bicycle'}", as Ultralytics writes them, or a list; else none."""
    try:
        told = read_yaml(text.encode(), "names") if text else None
    except Unreadable:
        return {}
    if isinstance(told, list):
        return {number: str(name) for number, name in enumerate(told)}
    pairs = told.items() if isinstance(told, dict) else ()
    return {int(number): str(name) for number, name in pairs if number.isdecimal() and len(number) < 10}


def _side(text: str | None) -> int | None:
    """The larger side of "[640, 640]"; None where it says no side."""
    try:
        told = read_yaml(text.encode(), "imgsz") if text else None
    except Unreadable:
        return None
    sides = told if isinstance(told, list) else [told]
    known = [side for side in sides if type(side) is int and 0 < side <= _LARGEST]
    return max(known, default=None)
