"""Triton stays out of a process that has no GPU to run it."""

import importlib.abc
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType


class _WithTorchsCompiler(importlib.abc.MetaPathFinder):
    """Finds nothing, but is asked when torch's compiler is imported: every optimizer of torch does that.

    The compiler imports Triton where it finds it, which nobody needs on a CPU.
    """

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname == "torch._dynamo" and not _has_gpu():
            sys.modules.setdefault("triton", None)  # pyright: ignore[reportArgumentType] - None: there is no such module
        return None


def leave_out_triton() -> None:
    """Let ``import triton`` fail from torch's compiler on, unless torch sees a GPU: for programs, not libraries."""
    if not any(isinstance(finder, _WithTorchsCompiler) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithTorchsCompiler())


def _has_gpu() -> bool:
    torch = sys.modules["torch"]  # it imports its compiler
    return torch.cuda.is_available() or torch.xpu.is_available()
