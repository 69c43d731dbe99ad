"""The epilogue as one Triton kernel. Nothing is compiled before the first call on a GPU."""

from functools import cache
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor

from .epilogue import Result, Step

_SIDE = 16
"""Columns of the product that gives colours and maps: six are used, and tensor cores take no fewer."""
_PIXELS, _FEWEST_PIXELS, _CHANNELS = 64, 16, 64
"""What one program of the kernel has in hand at a time: pixels at most and at least, and channels at most."""


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
    height, width = (side * (2 if step.up else 1) for side in y.shape[2:])
    total = height * width
    place = {"device": y.device, "dtype": y.dtype}
    x = image = None
    if step.following is not None:
        x = torch.empty((count, channels, height, width), memory_format=torch.channels_last, **place)
    if step.colours is not None:
        image = torch.empty((count, 3, height, width), device=y.device, dtype=torch.float32)
    side = _side_weights(step, channels, y.device)
    colours, reduction, unused = step.colours, step.reduction, overflowed
    # A power of two, as tensor cores take them; the last program of an image may have pixels left over.
    pixels = min(_PIXELS, max(_FEWEST_PIXELS, 1 << (total - 1).bit_length()))
    block = max(16, min(_CHANNELS, 1 << (channels - 1).bit_length()))
    _compiled().epilogue[(-(-total // pixels), count)](
        y, step.scale, step.bias, _or(step.noise, unused), _or(step.following, unused), side,
        colours.style if colours else unused, colours.bias if colours else unused,
        _or(colours.before if colours else None, unused), reduction.bias if reduction else unused,
        _or(x, unused), _or(image, unused), reduction.out if reduction else unused, overflowed,
        height, width, step.live, len(reduction.out) if reduction else 0,
        total if step.noise is not None and len(step.noise) > 1 else 0,
        step.scale.stride(0), step.following.stride(0) if step.following is not None else 0,
        colours.style.stride(0) if colours else 0, reduction.out.stride(0) if reduction else 0,
        0.0 if step.clamp is None else step.clamp,
        C=channels, BP=pixels, BC=block, SIDE=_SIDE, UP=step.up, NOISE=step.noise is not None, OUT=x is not None,
        RGB=colours is not None, BEFORE=bool(colours and colours.before is not None), ALPHA=reduction is not None,
        CLAMP=step.clamp is not None, WHOLE=total % pixels == 0, num_warps=2 if channels <= 64 else 4, num_stages=1,
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
