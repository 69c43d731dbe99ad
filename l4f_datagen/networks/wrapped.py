"""Networks of other libraries as segmenters: images normalised, brought to a size that they take, and scores back."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.imagenet import MEAN, STD, Normalisation
from .segmenter import Segmenter


class Wrapped(Segmenter):
    """A network of another library, ``model``. A subclass says how its library asks it.

    Args:
        name: what cards call it: the name of its family, a colon, and what it is there.
        configuration: what else makes it again, in JSON's own types; ``architecture`` holds it.
        mean, std: of images in [0, 1], red, green and blue: the network looks at (image − mean) / std.
        fixed: the only height and width that it takes, in pixels; images are resized to it. None: any; then images are
            continued with their last pixels to multiples of ``MULTIPLE``.
    """

    MULTIPLE, LEAST = 32, 64
    """Pixels that heights and widths are multiples of, and the fewest, where the network takes images of any size."""
    random = True
    signs = ()

    def __init__(
        self,
        model: nn.Module,
        *,
        name: str,
        title: str,
        classes: int,
        configuration: Mapping[str, Any],
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        fixed: tuple[int, int] | None = None,
        foreground: Sequence[int] | None = None,
        size: int | None = None,
    ):
        super().__init__(classes=classes, foreground=foreground, size=size)
        self.name, self.title, self.configuration, self.fixed = name, title, dict(configuration), fixed
        self.mean, self.std = tuple(mean), tuple(std)
        self.normalise, self.model = Normalisation(self.mean, self.std), model
        self.width = next((p.shape[0] for p in model.parameters() if p.ndim == 4), 1)

    @property
    def architecture(self) -> dict[str, Any]:
        return {"classes": self.classes, "mean": list(self.mean), "std": list(self.std), **self.configuration}

    def ask(self, image: Tensor) -> Tensor:
        """Normalised image (N, 3, H, W) → the model's scores (N, classes, h, w), of any size."""
        raise NotImplementedError

    def ask_deepest(self, image: Tensor) -> Tensor:
        """Normalised image (N, 3, H, W) → the model's deepest activations (N, D, h, w)."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[2:]
        fitted = self._fitted(image)
        scores = self.ask(fitted)
        if self.fixed:
            return F.interpolate(scores, size=(height, width), mode="bilinear", align_corners=False)
        if scores.shape[2:] != fitted.shape[2:]:
            scores = F.interpolate(scores, size=fitted.shape[2:], mode="bilinear", align_corners=False)
        return scores[:, :, :height, :width]

    def deepest(self, image: Tensor) -> Tensor:
        return self.ask_deepest(self._fitted(image))

    def _fitted(self, image: Tensor) -> Tensor:
        """The normalised image at a size that the model takes."""
        image = self.normalise(image)
        if self.fixed:
            return F.interpolate(image, size=self.fixed, mode="bilinear", align_corners=False)
        height, width = image.shape[2:]
        below, beside = (self._whole(side) - side for side in (height, width))
        return F.pad(image, (0, beside, 0, below), mode="replicate")

    def _whole(self, side: int) -> int:
        """The next multiple; in words that ONNX files have for sizes that are free."""
        whole = torch.sym_max(self.LEAST, (side + self.MULTIPLE - 1) // self.MULTIPLE * self.MULTIPLE)
        return cast(int, whole)  # int() would make the size that it is traced with the only one
