"""The state of a training run, which it needs to go on: tensors of networks and optimisers, and plain numbers."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ... import documents
from ...devices import too_little_memory
from ...errors import UserError
from ...short import short
from ..containers import safetensors_file, tensor_file
from ..containers.files import DAMAGE


def save(path: Path, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
    """Write tensors, and numbers that JSON can hold, into one safetensors file. Raises ``CannotWrite``."""
    tensor_file.save(path, tensors, metadata={"numbers": json.dumps(dict(numbers))})


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[dict[str, Tensor], dict[str, Any]]]:
    """Gives the tensors and numbers that ``save`` wrote. Errors of the block that uses them are about this file, too.

    Raises:
        UserError: it is not there, is damaged, or belongs to another network.
    """
    try:
        yield _load(path)
    except (*DAMAGE, Unfit) as error:
        if too_little_memory(error):
            raise  # about the machine, not about the file
        if isinstance(error, OSError) and str(error.filename) != str(path):
            raise
        raise UserError(
            str(path), got=f"no readable training state ({short(error, 160)})", expected="what the run saved",
            remedy="remove its folder; the run continues from the checkpoint before",
        ) from error  # fmt: skip


def number(numbers: Mapping[str, Any], name: str) -> float | int:
    """The number of this name in a state. Raises Unfit where there is none."""
    found = numbers.get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise Unfit(f"{name} is {short(found, quotes=True)}, which is no number")
    return found


def section(numbers: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The section of this name in the numbers of a state. Raises Unfit where there is none."""
    found = numbers.get(name)
    if not isinstance(found, dict):
        raise Unfit(f"{name} is {short(found, quotes=True)}, which is no object")
    return found


class Unfit(ValueError):
    """A state that is not one of the run that reads it."""


def _load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    with path.open("rb") as file:
        found = safetensors_file.load(file, path.stat().st_size)
        # Copied, because tensors that are read are not aligned as torch aligns its own, which may change last bits.
        tensors = {name: stored.load().clone() for name, stored in found.tensors.items()}
    try:
        numbers = documents.read_json(found.metadata["numbers"].encode(), str(path), kind=dict, finite=False)
    except documents.Unreadable as error:
        raise Unfit(f"its numbers are {error.got}") from error
    return tensors, numbers


def of_module(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """A module's state by name, below ``prefix``."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def into_module(prefix: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The reverse of ``of_module``, strictly."""
    module.load_state_dict(below(prefix, tensors))


def of_adam(prefix: str, optimizer: torch.optim.Adam) -> dict[str, Tensor]:
    """Adam's moments and step counts; none before its first step."""
    state = optimizer.state_dict()["state"]
    return {f"{prefix}.{number}.{name}": t for number, entry in state.items() for name, t in entry.items()}


def into_adam(prefix: str, optimizer: torch.optim.Adam, tensors: Mapping[str, Tensor]) -> None:
    """The reverse of ``of_adam``; rates and betas stay as they are."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in below(prefix, tensors).items():
        number, _, name = key.partition(".")
        if tensor.ndim:  # fused Adam goes through memory in order: moments have to lie in it as their parameter does
            tensor = torch.empty_like(parameters[int(number)], dtype=tensor.dtype).copy_(tensor)
        state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix`` and a dot, by the rest of their names."""
    return {key.removeprefix(f"{prefix}."): t for key, t in tensors.items() if key.startswith(f"{prefix}.")}
