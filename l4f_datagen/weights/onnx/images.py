"""The input of an ONNX model that takes images: order of its axes, size, type, and what is done to the values."""

from typing import Any

import cv2
import numpy as np

from ...errors import UserError
from ...settings.evaluate import SegmentingSettings
from .session import inputs_in_words
from .treatment import treatment

_FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


class ImageInput:
    """The only input of a model: images, N×3×H×W or N×H×W×3; of a detector also one image without the first axis.

    Args:
        name: the model as the user called it.
        detector: whether it is a detector, which takes plain values in [0, 1] unless somebody says otherwise.
        side: height and width of its input where neither a flag nor its shape says them; None: the images' own.

    Raises:
        UserError: it takes something else.
    """

    def __init__(
        self,
        session: Any,
        name: str,
        settings: SegmentingSettings,
        *,
        detector: bool = False,
        side: int | None = None,
    ):
        inputs = session.get_inputs()
        axes = (3, 4) if detector else (4,)
        if len(inputs) != 1 or len(inputs[0].shape) not in axes or inputs[0].type not in (*_FLOATS, "tensor(uint8)"):
            raise UserError(
                name, got=f"a model with the inputs {inputs_in_words(session)}",
                expected="one input of images, four axes" + ", or three of a single image" * detector,
                remedy=f"export the {'detector' if detector else 'segmenter'} alone",
            )  # fmt: skip
        self._input, self._settings, self._side, self._model = inputs[0], settings, side, name
        self.name: str = inputs[0].name
        """What the model calls it."""
        self.single = len(inputs[0].shape) == 3
        """Whether it is one image, without an axis for several."""
        shape = list(inputs[0].shape)
        self._shape = [1, *shape] if self.single else shape
        self.batch = self._shape[0] if isinstance(self._shape[0], int) else None
        """How many images it takes, where that is fixed."""
        metadata = session.get_modelmeta().custom_metadata_map
        normalised = self._input.type in _FLOATS
        self.treatment = treatment(name, metadata, settings, normalised=normalised, detector=detector)
        self.channels_last = self._find_layout()

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """RGB uint8 N×H×W×3 → what the model takes, with an axis for several images."""
        height, width = self._size(images.shape[1:3])
        if images.shape[1:3] != (height, width):
            way = cv2.INTER_AREA if height < images.shape[1] else cv2.INTER_LINEAR
            images = np.stack([cv2.resize(image, (width, height), interpolation=way) for image in images])
        if self._input.type == "tensor(uint8)":
            x = images
        else:
            x = (images / 255.0 - self.treatment.mean) / self.treatment.std
            x = x.astype(_FLOATS[self._input.type])
        return np.ascontiguousarray(x if self.channels_last else x.transpose(0, 3, 1, 2))

    def _find_layout(self) -> bool:
        """Whether channels are the last axis."""
        shape, layout = self._shape, self._settings.onnx_layout
        last = shape[3] == 3 and shape[1] != 3 if layout == "auto" else layout == "nhwc"
        channels, other = (shape[3], shape[1]) if last else (shape[1], shape[3])
        # An axis of no fixed length may be the channels', unless the other one is sure to be.
        if channels != 3 and (isinstance(channels, int) or other == 3):
            raise UserError(
                self._model, got=f"an input of shape {self._input.shape}", expected="three channels, RGB",
                remedy="name the order of its axes with --onnx-layout",
            )  # fmt: skip
        return last

    def _size(self, size: tuple[int, ...]) -> tuple[int, int]:
        """Height and width of the input: as a flag says, the model's, the wish of its metadata, or the images' own."""
        if (side := self._settings.onnx_size) is not None:
            return side, side
        height, width = self._shape[1:3] if self.channels_last else self._shape[2:4]
        own = (self._side, self._side) if self._side else size
        return height if isinstance(height, int) else own[0], width if isinstance(width, int) else own[1]
