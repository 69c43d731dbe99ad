"""Who says what is foreground in an image: trained segmenters, ONNX models, masks made elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import UserError
from ..settings import StageSettings
from .labelled import Masks, few, open_masks

IMAGE_NET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of inputs in [0, 1] that networks trained from ImageNet's weights expect."""
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""For inputs in [-1, 1]."""


class Segmenter(Protocol):
    """Images → masks; a reference, or what is measured."""

    name: str

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        """RGB uint8 N×H×W×3 and their names → uint8 N×H×W: 0 background, 1 foreground."""


class NetworkSegmenter:
    """A torch network, (N, 3, H, W) → class scores (N, C, H, W) before the softmax."""

    def __init__(
        self,
        network: nn.Module,
        *,
        name: str,
        device: torch.device | str = "cpu",
        scaling: tuple[Sequence[float], Sequence[float]] = HALVES,
        foreground: Sequence[int] = (),
    ):
        self.name, self._network, self._device, self._foreground = name, network.to(device).eval(), device, foreground
        self._mean, self._std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in scaling)

    @torch.inference_mode()
    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        x = torch.from_numpy(np.ascontiguousarray(images)).to(self._device).permute(0, 3, 1, 2).float().div_(255)
        try:
            scores = self._network(x.sub_(self._mean).div_(self._std))
        except ValueError as error:  # of a network that wants sides of its own
            raise UserError(
                self.name, got=f"images of {images.shape[2]}×{images.shape[1]} pixels ({error})",
                expected="a size that it takes", remedy="use another segmenter, or resize the images",
            ) from error  # fmt: skip
        return foreground_of(scores.argmax(1), self._foreground).cpu().numpy()


class FolderSegmenter:
    """Masks that another program made, by the names of the images."""

    def __init__(self, masks: Masks):
        self.name, self._masks, self._keys = masks.name, masks, set(masks.keys)

    def check(self, keys: Sequence[str]) -> None:
        """Refuse a folder that lacks masks, before any work.

        Raises:
            UserError: names the missing ones.
        """
        if missing := [key for key in keys if key not in self._keys]:
            raise UserError(
                self.name, got=f"no mask for {len(missing)} of {len(keys)} images ({few(missing)})",
                expected="one for each, by its name", remedy="export the images with --export-images and mask them all",
            )  # fmt: skip

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        self.check(keys)
        found = [self._masks.mask(key) for key in keys]
        for key, mask in zip(keys, found):
            if mask.shape != images.shape[1:3]:
                raise UserError(
                    f"{self.name}: {key}", got=f"a mask of {mask.shape[1]}×{mask.shape[0]} pixels",
                    expected=f"the image's {images.shape[2]}×{images.shape[1]}",
                    remedy="mask the exported images again",
                )  # fmt: skip
        return np.stack(found)


def open_segmenter(path: str, settings: StageSettings, device: torch.device) -> Segmenter:
    """What a path of a segmenter is.

    Args:
        path: an ONNX file or a folder of masks.
        settings: of ``evaluate alpha`` or ``evaluate segmenter``.

    Raises:
        UserError: it is nothing of the kind.
    """
    found = Path(path).expanduser()
    if found.suffix.lower() == ".onnx":
        from .onnx import OnnxSegmenter

        return OnnxSegmenter(found, settings, device)
    if found.is_dir():
        return FolderSegmenter(open_masks(path, classes=settings.foreground_classes))
    raise UserError(
        path, got="an unknown kind of file" if found.exists() else "nothing at this path",
        expected="an ONNX file or a folder of masks", remedy="check the path",
    )  # fmt: skip


def foreground_of(classes: Tensor, foreground: Sequence[int]) -> Tensor:
    """Class indices → uint8 0 and 1; without names all classes but 0 are foreground."""
    if not foreground:
        return (classes != 0).to(torch.uint8)
    return torch.isin(classes, torch.tensor(foreground, device=classes.device)).to(torch.uint8)
