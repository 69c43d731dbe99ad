"""Devices by name, the memory that runs out on them, and the way from them to the CPU."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .errors import UserError, WorkError

if TYPE_CHECKING:
    import numpy as np
    import torch

NAMES = "auto, cpu, cuda, cuda:N or mps"

_NAME = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]*))?", re.ASCII)
_MOST_DIGITS = 9
"""Digits of a device's number. torch takes it modulo 256, and Python reads no number of thousands of digits."""

_WORDS = (
    "can't allocate memory",
    "cannot allocate memory",
    "insufficient memory",
    "out of memory",
    "not enough memory",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",  # of cuBLAS, cuDNN and their like
    "failed to allocate memory",
    "could not create a memory object",  # oneDNN
    "can't start new thread",  # there is no room for its stack
)
"""Words with which libraries say that memory ran out, where they have no class of error for it."""

_ASKED = re.compile(r"(?:allocate|malloc of size|allocating) ([0-9.]+) ?(bytes|[KMGTPE]iB|)", re.IGNORECASE)
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


_FAILED = ("cuda error", "cuda driver error", "cudnn error", "cublas error", "nvrtc error", "hip error")
"""Words with which torch says that a GPU, or its driver, no longer answers as it should."""


class TooLittleMemory(WorkError):
    """Memory ran out; the line says which setting needs less."""


def device_name(value: str) -> str:
    """The name of a device as all settings take it: one of ``NAMES``, without space around it.

    Raises:
        ValueError: it is none; says what is expected.
    """
    name = value.strip()
    if _NAME.fullmatch(name):
        return name
    lower = name.lower()
    meant = f"cuda:{name}" if name.isdecimal() else lower if _NAME.fullmatch(lower) else None
    raise ValueError(NAMES + (f"; did you mean {meant}?" if meant and len(meant) < 16 else ""))


def resolve_device(name: str) -> "torch.device":
    """The device of a setting; "auto" is the first GPU of CUDA if there is one, else the CPU.

    Raises:
        UserError: it is no device's name, or the device is absent.
    """
    import torch

    try:
        name = device_name(name)
    except ValueError as error:
        raise UserError("device", got=repr(name[:60]), expected=str(error), remedy="change --device") from None
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "mps" and not torch.backends.mps.is_available():
        raise _absent("mps", "no Apple GPU that this torch can use")
    if name.startswith("cuda"):
        count, number = torch.cuda.device_count(), name.partition(":")[2] or "0"
        if len(number) > _MOST_DIGITS or int(number) >= count:
            shown = name if len(name) < 40 else f"{name[:40]}…"
            raise _absent(shown, f"{count} CUDA device{'s' * (count != 1)}" if count else "no CUDA device")
    return torch.device(name)


def _absent(name: str, found: str) -> UserError:
    return UserError(
        "device", got=f"{name} on a machine with {found}", expected="a device that is there", remedy="use --device cpu"
    )


def has_float64(device: "torch.device") -> bool:
    """Whether a device computes in float64, and in integers of 64 bits as fast as it should: Apple's GPUs do not."""
    return device.type in ("cpu", "cuda")


def in_float64(tensor: "torch.Tensor") -> "torch.Tensor":
    """A tensor in float64, on its device where that has such numbers, else on the CPU."""
    return tensor.double() if has_float64(tensor.device) else tensor.cpu().double()


def too_little_memory(error: BaseException) -> bool:
    """Whether an error, of Python or of whichever library, says that memory ran out, on CPU or GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, and Ray's
        return True
    if isinstance(error, UserError | WorkError) or not isinstance(error, Exception):
        return False
    text = str(error)[:4000].lower()
    return any(word in text for word in _WORDS)


def device_failed(error: BaseException) -> bool:
    """Whether an error of torch says that a GPU or its driver failed, for another reason than its memory."""
    if isinstance(error, UserError | WorkError) or not isinstance(error, RuntimeError):
        return False
    text = str(error)[:4000].lower()
    return not too_little_memory(error) and any(word in text for word in _FAILED)


def asked_for(error: BaseException) -> str:
    """How much memory was asked for when it ran out, "12.0 GiB" say; nothing where the error does not tell."""
    found = _ASKED.search(str(error)[:4000])
    if not found:
        return ""
    unit = next(place for place, name in enumerate(_UNITS) if name.lower() == (found[2] or "bytes").lower())
    size = float(found[1].rstrip(".")) * 1024**unit
    power = max(0, min(len(_UNITS) - 1, (int(size).bit_length() - 1) // 10))
    return f"{size / 1024**power:.1f} {_UNITS[power]}" if power else f"{size:.0f} bytes"


def machine_memory() -> int:
    """The machine's memory in bytes; a modest guess where the system does not tell."""
    if not hasattr(os, "sysconf"):
        return 8 << 30
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@contextlib.contextmanager
def explaining_memory(
    device: "torch.device | str", batch_size: int, remedy: str = "use a smaller --batch-size"
) -> Iterator[None]:
    """Make too little memory for a batch one line that names the setting to change, and a GPU's failure one too.

    Raises:
        TooLittleMemory: memory ran out within the block.
        WorkError: the GPU or its driver failed.
    """
    try:
        yield
    except Exception as error:
        if device_failed(error):
            first = " ".join(str(error).split("\n", 1)[0].split())[:160]
            raise WorkError(
                f"{device} failed ({first}): what is finished stays; look at the driver (nvidia-smi) and run the same "
                "command again to continue"
            ) from error
        if not too_little_memory(error):
            raise
        asked = f" ({asked} at once were asked for)" if (asked := asked_for(error)) else ""
        raise TooLittleMemory(f"not enough memory on {device}{asked} for batches of {batch_size}: {remedy}") from error


_streams: "dict[torch.device, torch.cuda.Stream]" = {}
"""The stream of each GPU on which arrays travel."""


def to_arrays(tensors: "Sequence[torch.Tensor]") -> "list[np.ndarray]":
    """Tensors as arrays of the CPU, of the same types.

    From a GPU they go through pinned memory, on a stream of their own: what other threads start meanwhile does not
    wait for it, as it would behind a plain copy.
    """
    import torch

    device = tensors[0].device
    if device.type != "cuda":
        return [tensor.cpu().numpy() for tensor in tensors]
    stream = _streams.get(device) or _streams.setdefault(device, torch.cuda.Stream(device))
    stream.wait_stream(torch.cuda.current_stream(device))
    copies = []
    with torch.cuda.stream(stream):
        for tensor in tensors:
            tensor.record_stream(stream)
            pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            copies.append(pinned.copy_(tensor.contiguous(), non_blocking=True))
        done = torch.cuda.Event()
        done.record(stream)
    done.synchronize()
    return [copy.numpy() for copy in copies]
