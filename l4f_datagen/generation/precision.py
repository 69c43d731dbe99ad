"""The arithmetic of the networks on a device, and what is wrong with one that does not fit."""

import torch

from ..errors import UserError
from ..settings import GenerateSettings, ResolvedPrecision, resolved_precision

_LEAST = {"half": (5, 3), "tf32": (8, 0)}
"""Compute capability of the first NVIDIA GPUs with each arithmetic."""


def precision_for(settings: GenerateSettings, device: torch.device) -> ResolvedPrecision:
    """What the settings come to on a device.

    Raises:
        UserError: the device has no such arithmetic.
    """
    precision = resolved_precision(settings.precision, device.type)
    if precision == "float32":
        return precision
    if device.type != "cuda":
        raise UserError(
            "precision", got=f"{precision} on {device.type}", expected="float32", remedy="leave --precision out"
        )
    if (found := torch.cuda.get_device_capability(device)) < (least := _LEAST[precision]):
        name, version, wanted = torch.cuda.get_device_name(device), _version(found), _version(least)
        raise UserError(
            "precision", got=f"{precision} on {name} (compute capability {version})",
            expected=f"{wanted} or newer, or float32", remedy="use --precision float32",
        )  # fmt: skip
    return precision


def _version(capability: tuple[int, int]) -> str:
    return ".".join(map(str, capability))
