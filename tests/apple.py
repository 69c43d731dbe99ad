"""A stand-in for an Apple GPU, on a machine without one: torch's device ``meta`` with the limits of ``mps``.

It computes nothing: what comes back from it is zeros. But what an Apple GPU refuses it refuses too: numbers of 64 or 16
bits with a point, complex ones of 128 bits, and operands of which some lie on the CPU.
"""

import sys
from collections.abc import Iterator

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from l4f_datagen import devices

GPU = torch.device("meta")
_MOVES = ("_to_copy", "to")
REFUSED = (torch.float64, torch.complex128, torch.float16, torch.bfloat16)


class AppleGpu(TorchDispatchMode):
    """Makes ``meta`` behave as ``mps`` would; ``seen`` are the operations that it was asked for."""

    def __init__(self):
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, function.overloadpacket.__name__
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        there = [tensor for tensor in tensors if tensor.device == GPU]
        leaves = tree_leaves((args, kwargs))
        if name in _MOVES and there and any(isinstance(leaf, torch.device) and leaf.type == "cpu" for leaf in leaves):
            dtype = next((leaf for leaf in leaves if isinstance(leaf, torch.dtype)), args[0].dtype)
            return torch.zeros(args[0].shape, dtype=dtype)
        if name == "copy_" and args[0].device.type == "cpu" and there:
            return args[0].zero_()
        if name == "_local_scalar_dense" and there:
            return torch.zeros((), dtype=args[0].dtype).item()
        if there and name not in ("copy_", *_MOVES) and not name.startswith("index"):
            here = [tensor for tensor in tensors if tensor.device.type == "cpu" and tensor.ndim]
            assert not here, f"{name} of tensors on the GPU and on the CPU"
        found = function(*args, **kwargs)
        on_gpu = [t for t in tree_leaves(found) if isinstance(t, torch.Tensor) and t.device == GPU]
        if on_gpu:
            self.seen.add(name)
        for tensor in (*there, *on_gpu):
            assert tensor.dtype not in REFUSED, f"{name} with {tensor.dtype}, which an Apple GPU does not have"
        return found


@pytest.fixture
def apple_gpu(monkeypatch) -> Iterator[AppleGpu]:
    """The name ``mps`` means the stand-in, wherever a device is resolved."""
    resolve = devices.resolve_device

    def resolved(name: str) -> torch.device:
        return GPU if name == "mps" else resolve(name)

    for module in [m for name, m in sys.modules.items() if name.startswith("l4f_datagen")]:
        if getattr(module, "resolve_device", None) is resolve:
            monkeypatch.setattr(module, "resolve_device", resolved)
    enabled = torch.is_autocast_enabled  # which knows mps, but not its stand-in
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *kind: kind != ("meta",) and enabled(*kind))
    with AppleGpu() as gpu:
        yield gpu
