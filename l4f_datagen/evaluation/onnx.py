"""Any segmenter as an ONNX file, run by onnxruntime."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import UserError
from ..settings.evaluate import SegmentingSettings
from ..short import short
from ..weights.onnx.images import ImageInput
from ..weights.onnx.session import run_session


class OnnxMasker:
    """A model of one image input and an output of class scores, of one channel in [0, 1], or of class indices."""

    def __init__(self, path: Path, settings: SegmentingSettings, session: Any):
        self.name, self._settings, self._session = str(path), settings, session
        self._images = ImageInput(session, self.name, settings)
        self._treatment, self.notes = self._images.treatment, self._images.treatment.notes
        self._output = self._find_output()

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        size = images.shape[1:3]
        x = self._images.prepare(images)
        step, parts = self._images.batch or len(x), []
        for start in range(0, len(x), step):
            part = x[start : start + step]
            # A model of a fixed batch is given whole ones.
            padded = np.concatenate([part, np.repeat(part[-1:], step - len(part), 0)])
            inputs = {self._images.name: padded}
            answer = run_session(self._session, self.name, self._output.name, inputs, f"images of {x.shape}")
            parts.append(self._to_masks(np.asarray(answer))[: len(part)])
        masks = np.concatenate(parts)
        if masks.shape[1:] != size:
            masks = np.stack([cv2.resize(m, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT) for m in masks])
        return masks

    def _to_masks(self, answer: np.ndarray) -> np.ndarray:
        """Scores (N, C, H, W), as the layout has it, one channel, or indices (N, H, W) → masks uint8 N×H×W."""
        classes = self._treatment.foreground
        if answer.ndim == 4:
            answer = answer.transpose(0, 3, 1, 2) if self._images.channels_last else answer
            if answer.shape[1] > 1:
                self._refuse_threshold(f"scores of {answer.shape[1]} classes")
                return _foreground_of(torch.from_numpy(answer.argmax(1)), classes).numpy()
            answer = answer[:, 0]
        if answer.ndim != 3:
            raise UserError(
                self.name, got=f"an output {self._output.name} of shape {answer.shape}",
                expected="N×C×H×W scores, N×1×H×W or N×H×W", remedy="name another one with --onnx-output",
            )  # fmt: skip
        if answer.dtype.kind in "iu":
            self._refuse_threshold("class indices")
            return _foreground_of(torch.from_numpy(answer.astype(np.int64)), classes).numpy()
        threshold = self._treatment.threshold
        if self._settings.onnx_logits:
            return (answer >= _logit(threshold)).astype(np.uint8)
        if answer.min() < -1e-3 or answer.max() > 1 + 1e-3:
            raise UserError(
                self.name, got=f"a single-channel output from {answer.min():.3g} to {answer.max():.3g}",
                expected="values in [0, 1]", remedy="use --onnx-logits for an output before its sigmoid",
            )  # fmt: skip
        return (answer >= threshold).astype(np.uint8)

    def _refuse_threshold(self, answer: str) -> None:
        """A threshold that would do nothing is the user's mistake."""
        if self._treatment.threshold_given:
            raise UserError(
                self.name, got=f"--reference-threshold, and a model that gives {answer}",
                expected="a single channel, which a threshold cuts", remedy="leave it out",
            )  # fmt: skip

    def _find_output(self):
        outputs = self._session.get_outputs()
        wanted = self._settings.onnx_output
        for output in outputs:
            if wanted in (None, output.name):
                return output
        raise UserError(
            "onnx_output", got=wanted, expected=f"one of {short(', '.join(o.name for o in outputs), 200)}",
            remedy=f"these are the outputs of {self.name}",
        )  # fmt: skip


def _logit(share: float) -> float:
    """What a sigmoid makes ``share`` of; infinity of 1."""
    return math.log(share / (1 - share)) if share < 1 else math.inf


def _foreground_of(classes: Tensor, foreground: Sequence[int]) -> Tensor:
    """Class indices → uint8, 1 where the class is one of ``foreground``, or if there are none, where it is not 0."""
    if not foreground:
        return (classes != 0).to(torch.uint8)
    return torch.isin(classes, torch.tensor(foreground, device=classes.device)).to(torch.uint8)
