"""Opens a reference that gives instances, whichever of both kinds it is."""

from pathlib import Path

import torch

from ..errors import UserError
from ..settings import validate
from ..settings.evaluate import InstanceSettings, SegmentingSettings
from .detector import open_detector
from .listed import ListedInstances
from .reference import InstanceReference


def open_instances(path: str, settings: InstanceSettings, device: torch.device) -> InstanceReference:
    """The reference that a path names: a detector with masks, FILE.onnx, or what one wrote elsewhere, FILE.json.

    Raises:
        UserError: it is neither, or cannot be read.
    """
    file = Path(path).expanduser()
    if file.suffix.lower() == ".json":
        return ListedInstances(file, settings)
    if file.suffix.lower() != ".onnx":
        raise UserError(
            "--reference", got=path, expected="a detector with masks, FILE.onnx, or its list of detections, FILE.json",
            remedy="name such a file",
        )  # fmt: skip
    said = {name: getattr(settings, name) for name in InstanceSettings.model_fields}
    return open_detector(file, validate(SegmentingSettings, said), device)
