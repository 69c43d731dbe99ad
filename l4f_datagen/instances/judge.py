"""A detector as the reference of ``generate``: which samples show exactly one object."""

from pathlib import Path

import numpy as np
import torch

from ..errors import UserError
from ..settings import GenerateSettings, validate
from ..settings.evaluate import SegmentingSettings
from ..weights.onnx import model
from .detector import open_detector


class Judge:
    """Agrees with samples of one object; several threads may ask it.

    Args:
        path: a detector with masks, an ONNX file.
        settings: score and classes that count, and the least area of an object.

    Raises:
        UserError: it is no such file.
    """

    def __init__(self, path: str, settings: GenerateSettings, device: torch.device):
        file = Path(path).expanduser()
        if file.suffix.lower() != ".onnx":
            _refuse(path)
        said = {name: getattr(settings, name) for name in ("reference_score", "reference_classes")}
        asked = validate(SegmentingSettings, said)
        self._detector, self._area = open_detector(file, asked, device), settings.object_area
        self.name, self.sha256 = path, model.sha256(file, path)

    def __call__(self, image: np.ndarray, alpha: np.ndarray, mask: np.ndarray) -> bool | str:
        """True, or why a sample is rejected; of the sample its image alone is looked at."""
        return self._detector.find(image, "").reason(self._area) or True


def _refuse(path: str) -> None:
    if Path(path).suffix.lower() == ".json":
        raise UserError(
            "--reference", got=f"{path}, which can say nothing of the samples that take the place of rejected ones",
            expected="a detector with masks, FILE.onnx",
            remedy="for a list made elsewhere: l4f-datagen stats FOLDER --reference FILE.json "
            "--save-list rejected.txt, then export --without rejected.txt or generate --reject-list rejected.txt",
        )  # fmt: skip
    raise UserError(
        "--reference", got=path, expected="a detector with masks, FILE.onnx", remedy="export the detector as ONNX"
    )


def open_judge(settings: GenerateSettings, device: torch.device) -> Judge | None:
    """The reference that settings name.

    Raises:
        UserError: it cannot be used.
    """
    return Judge(settings.reference, settings, device) if settings.reference is not None else None
