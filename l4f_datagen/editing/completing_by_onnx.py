"""Inpainting by a network in an ONNX file: an image and a mask → an image."""

from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np
import torch

from ..errors import UserError
from ..weights.onnx.session import inputs_in_words, open_session, run_session

_FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_TYPES = {**_FLOATS, "tensor(uint8)": np.uint8}
_EXPECTED = "an input of RGB images N×3×H×W, one of masks N×1×H×W, and an image as its first output"
_SCALES = ((1.0, 0.0), (255.0, 0.0), (127.5, 127.5))
"""What an answer may have to be multiplied by, and what is added, to be levels of 255: it is in [0, 255], in [0, 1] or
in [-1, 1]."""


class OnnxInpainter:
    """A model such as LaMa's: images in [0, 1] (of integers: 0 to 255), masks 1 (255) where it is to fill.

    Models of one size are given images of that size. In which range the answer is, is told by the pixels that were
    known: the range is taken in which they come back best.
    """

    def __init__(self, path: Path, device: torch.device):
        """Raises UserError where the file is no such model."""
        self.name = str(path)
        self._session = open_session(path, device)
        inputs = self._session.get_inputs()
        self._image, self._mask = self._with_channels(inputs, 3), self._with_channels(inputs, 1)
        if len(inputs) != 2 or self._image is None or self._mask is None:
            self._refuse(f"a model with the inputs {inputs_in_words(self._session)}")
        self._output = self._session.get_outputs()[0].name

    def __call__(self, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        sides = [side if isinstance(side, int) else own for side, own in zip(self._image.shape[2:], (height, width))]
        size = (sides[1], sides[0])
        given = image if size == (width, height) else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        # Of a pixel that is smaller there than here, all has to be known.
        mask = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        inputs = {
            self._image.name: self._prepared(self._image, given.transpose(2, 0, 1)[None] / 255),
            self._mask.name: self._prepared(self._mask, mask[None, None].astype(np.float64)),
        }
        answer = np.asarray(run_session(self._session, self.name, self._output, inputs, f"an image of {given.shape}"))
        if answer.shape != (1, 3, *sides):
            self._refuse(f"an output of shape {answer.shape} for an image of shape {(1, 3, *sides)}")
        levels = self._levels(answer[0].transpose(1, 2, 0), given, ~mask)
        return levels if size == (width, height) else cv2.resize(levels, (width, height), interpolation=cv2.INTER_CUBIC)

    def _levels(self, answer: np.ndarray, image: np.ndarray, known: np.ndarray) -> np.ndarray:
        """An answer H×W×3 in whatever range → uint8."""
        if answer.dtype == np.uint8:
            return answer
        if not np.isfinite(answer).all():
            self._refuse("numbers that are not finite (NaN or infinity) in its answer")
        answer = answer.astype(np.float32)
        where = known if known.any() else np.ones_like(known)
        found = [answer * factor + shift for factor, shift in _SCALES]
        errors = [np.abs(one[where] - image[where]).mean() for one in found]
        return np.clip(np.rint(found[int(np.argmin(errors))]), 0, 255).astype(np.uint8)

    @staticmethod
    def _prepared(place: Any, shares: np.ndarray) -> np.ndarray:
        """Numbers in [0, 1] as an input takes them."""
        kind = _TYPES[place.type]
        return np.ascontiguousarray(np.rint(255 * shares) if kind is np.uint8 else shares).astype(kind)

    @staticmethod
    def _with_channels(inputs: Any, channels: int) -> Any:
        """The one input of four axes that has these channels."""
        images = [one for one in inputs if len(one.shape) == 4 and one.type in _TYPES]
        exact = [one for one in images if one.shape[1] == channels]
        return exact[0] if len(exact) == 1 else None

    def _refuse(self, got: str) -> NoReturn:
        raise UserError(self.name, got=got, expected=_EXPECTED, remedy="export the inpainting network alone")
