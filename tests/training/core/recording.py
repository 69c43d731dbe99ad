"""What stands for CUDA graphs on a CPU: operations are noted below autograd, undone, and carried out again on replay.

As on a GPU, nothing of a recorded phase happens when it is recorded, every replay reads and writes the same memory,
numbers that Python computed stay what they were, and what would ask the device for a number or copy one to it ends the
recording.
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from l4f_datagen.training.core.graphs import Replay, Terms, Work, mapped, stacked

_ASKING = {"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal", "aten::lift_fresh"}


class CpuRecorder:
    """Records as ``CudaRecorder`` does. ``failing``: phases at which a recording fails, by their place from 0."""

    def __init__(self, failing: tuple[int, ...] = ()):
        self.failing = failing
        self.made = self.replayed = self.warmed = 0

    def warm_up(self, work: Work, inputs: tuple[Any, ...]) -> Terms:
        self.warmed += 1
        return {name: term.detach().clone() for name, term in work(*inputs).items()}

    def record(self, work: Work, inputs: tuple[Any, ...]) -> Replay:
        own, tape = mapped(torch.clone, inputs), Tape()
        self.made += 1
        try:
            with tape:
                names, values = stacked(work(*own))
                if self.made - 1 in self.failing:
                    raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")
        finally:
            tape.undo()

        def replay() -> None:
            self.replayed += 1
            tape.play()

        return Replay(own, names, values, replay)


class Tape(TorchDispatchMode):
    """Operations in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, tuple, dict, Any]] = []
        self._before: dict[int, tuple[Tensor, Tensor]] = {}
        self._made: set[int] = set()
        self._kept: list[Any] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func._schema.name
        masks = name.startswith("aten::index") and any(t.dtype == torch.bool for t in _tensors(args[1:]))
        if name in _ASKING or masks:
            raise RuntimeError(f"{name}: operation not permitted when stream is capturing")
        for tensor in self._written(func, args, kwargs):
            place = tensor.untyped_storage().data_ptr()
            if place not in self._made and place not in self._before:
                whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
                self._before[place] = whole, whole.clone()
        out = func(*args, **kwargs)
        given = {t.untyped_storage().data_ptr() for t in _tensors([args, kwargs])}
        new = [t for t in _tensors(out) if t.untyped_storage().data_ptr() not in given]
        self._made |= {t.untyped_storage().data_ptr() for t in new}
        self._kept.append([args, kwargs, out])  # no memory is used twice
        if new or func._schema.is_mutable:
            self._calls.append((func, args, kwargs, out))
        return out

    def _written(self, func, args, kwargs) -> list[Tensor]:
        found = []
        if func._schema.name == "aten::native_batch_norm":  # its running statistics, of which the schema says nothing
            found += _tensors(args[3:5])
        for place, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                found += _tensors(args[place] if place < len(args) else kwargs.get(argument.name))
        return found

    def undo(self) -> None:
        with torch.no_grad():
            for whole, before in self._before.values():
                whole.copy_(before)

    def play(self) -> None:
        with torch.no_grad():
            for func, args, kwargs, out in self._calls:
                again = func(*args, **kwargs)
                if not func._schema.is_mutable:
                    for kept, found in zip(_tensors(out), _tensors(again), strict=True):
                        kept.copy_(found)


def _tensors(tree: Any) -> list[Tensor]:
    if isinstance(tree, Tensor):
        return [tree]
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [found for part in tree for found in _tensors(part)] if isinstance(tree, (tuple, list)) else []
