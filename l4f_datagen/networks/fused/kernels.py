"""The epilogue as one Triton kernel. Nothing is compiled before the first call on a GPU."""

from functools import cache
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor

from .epilogue import Result, Step

_SIDE = 16
"""Columns of the product that gives colours and maps: six are used, and tensor cores take no fewer."""
_PIXELS, _CHANNELS = 64, 64
"""The most that one program of the kernel has in hand at a time."""


@cache
def available() -> bool:
    """Whether Triton is there; it comes with torch for CUDA on Linux."""
    return find_spec("triton") is not None


@cache
def _compiled() -> ModuleType:
    from . import triton_epilogue

    return triton_epilogue


def run(y: Tensor, step: Step, overflowed: Tensor) -> Result:
    """As ``epilogue.run``; y in float32 or float16."""
    # So it is already, but where one channel leaves the order open: a convolution may then choose the other one.
    y = y.contiguous(memory_format=torch.channels_last)
    count, channels = y.shape[0], step.bias.shape[0]
    size = y.shape[2] * (2 if step.up else 1)
    place = {"device": y.device, "dtype": y.dtype}
    x = image = None
    if step.following is not None:
        x = torch.empty((count, channels, size, size), memory_format=torch.channels_last, **place)
    if step.colours is not None:
        image = torch.empty((count, 3, size, size), device=y.device, dtype=torch.float32)
    side = _side_weights(step, channels, y.device)
    colours, reduction, unused = step.colours, step.reduction, overflowed
    pixels = min(_PIXELS, size * size)
    block = max(16, min(_CHANNELS, 1 << (channels - 1).bit_length()))
    _compiled().epilogue[(size * size // pixels, count)](
        y, step.scale, step.bias, _or(step.noise, unused), _or(step.following, unused), side,
        colours.style if colours else unused, colours.bias if colours else unused,
        _or(colours.before if colours else None, unused), reduction.bias if reduction else unused,
        _or(x, unused), _or(image, unused), reduction.out if reduction else unused, overflowed,
        size, size, step.live, len(reduction.out) if reduction else 0,
        size * size if step.noise is not None and len(step.noise) > 1 else 0,
        step.scale.stride(0), step.following.stride(0) if step.following is not None else 0,
        colours.style.stride(0) if colours else 0, reduction.out.stride(0) if reduction else 0,
        0.0 if step.clamp is None else step.clamp,
        C=channels, BP=pixels, BC=block, SIDE=_SIDE, UP=step.up, NOISE=step.noise is not None, OUT=x is not None,
        RGB=colours is not None, BEFORE=bool(colours and colours.before is not None), ALPHA=reduction is not None,
        CLAMP=step.clamp is not None, num_warps=2 if channels <= 64 else 4, num_stages=1,
    )  # fmt: skip
    return Result(x, image)


def _or(tensor: Tensor | None, other: Tensor) -> Tensor:
    """A kernel's pointer has to point somewhere, even where it is not followed."""
    return other if tensor is None else tensor


def _side_weights(step: Step, channels: int, device: torch.device) -> Tensor:
    """Weights of colours (columns 0 to 2) and of maps (3 to 5), (C, 16) float32."""
    side = torch.zeros(channels, _SIDE, device=device)
    if step.colours is not None:
        side[:, :3] = step.colours.weight.t()
    if step.reduction is not None:
        side[:, 3:6] = step.reduction.weight.t()
    return side
