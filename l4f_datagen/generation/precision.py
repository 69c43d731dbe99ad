"""The arithmetic of the networks on a device, and what is wrong with one that does not fit."""

from typing import Literal

import torch

from ..errors import UserError
from ..settings import GenerateSettings, resolved_precision

_LEAST = (5, 3)
"""Compute capability of the first NVIDIA GPUs with arithmetic in half precision."""


def precision_for(settings: GenerateSettings, device: torch.device) -> Literal["float32", "half"]:
    """What the settings come to on a device.

    Raises:
        UserError: the device has no half precision.
    """
    precision = resolved_precision(settings.precision, device.type)
    if precision == "float32":
        return precision
    if device.type != "cuda":
        raise UserError("precision", got=f"half on {device.type}", expected="float32", remedy="leave --precision out")
    if (found := torch.cuda.get_device_capability(device)) < _LEAST:
        name, version = torch.cuda.get_device_name(device), ".".join(map(str, found))
        raise UserError(
            "precision", got=f"half on {name} (compute capability {version})", expected="5.3 or newer, or float32",
            remedy="use --precision float32",
        )  # fmt: skip
    return precision
