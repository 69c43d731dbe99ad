"""What a training run must know to go on: tensors of networks and optimisers, and plain numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import UserError


def save(path: Path, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
    """Write tensors, and numbers that JSON can hold, into one safetensors file."""
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(kept, path, metadata={"numbers": json.dumps(dict(numbers))})
    path.chmod(0o644)  # save_file leaves it readable by its owner alone


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What ``save`` wrote.

    Raises:
        UserError: it is not there or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            # Copies: mapped tensors are not aligned as torch aligns its own, which may change last bits.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads(file.metadata()["numbers"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            str(path), got=f"no readable training state ({error})", expected="what the run saved",
            remedy="remove its folder; the run continues from the checkpoint before",
        ) from error  # fmt: skip


def of_module(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """A module's state by name, below ``prefix``."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def into_module(prefix: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The reverse of ``of_module``, strictly."""
    module.load_state_dict(_below(prefix, tensors))


def of_adam(prefix: str, optimizer: torch.optim.Adam) -> dict[str, Tensor]:
    """Adam's moments and step counts; none before its first step."""
    state = optimizer.state_dict()["state"]
    return {f"{prefix}.{number}.{name}": t for number, entry in state.items() for name, t in entry.items()}


def into_adam(prefix: str, optimizer: torch.optim.Adam, tensors: Mapping[str, Tensor]) -> None:
    """The reverse of ``of_adam``; rates and betas stay as they are."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in _below(prefix, tensors).items():
        number, _, name = key.partition(".")
        if tensor.ndim:  # moments lie in memory as their parameter does: fused Adam goes by memory
            tensor = torch.empty_like(parameters[int(number)], dtype=tensor.dtype).copy_(tensor)
        state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(f"{prefix}."): t for key, t in tensors.items() if key.startswith(f"{prefix}.")}
