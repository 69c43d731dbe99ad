"""The low-pass filter of all resampling, with gradients that are the same filter again.

torch differentiates a convolution of each channel by itself well once; the gradient of that gradient, which R1 and
path lengths need, goes through the channels one by one. The filter is symmetric and constant: its gradient is the
filter with the complementary padding, that of filtering and halving is doubling and filtering, and the other way
round. So each operation here is the backward pass of another, any number of times.
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from . import ops

_NEAR, _FAR = 0.375, 0.125
"""The filter along one axis: (far, near, near, far)."""


def filtered(x: Tensor, *, padding: int, gain: float = 1.0) -> Tensor:
    """Filter every channel: x (N, C, H, W), zero padding on all four sides → (N, C, H + 2·padding − 3, …).

    Args:
        padding: 0 to 3.
        gain: what the filter is multiplied with.
    """
    return _Filtered.apply(x, padding, gain) if torch.is_grad_enabled() else _filter(x, padding, gain)


def halved(x: Tensor) -> Tensor:
    """Every other filtered pixel: x (N, C, H, W) with even sides → (N, C, H/2, W/2)."""
    return _Halved.apply(x) if torch.is_grad_enabled() else _halve(x)


def doubled(x: Tensor) -> Tensor:
    """Zero insertion, then the filter, the transpose of ``halved``: x (N, C, H, W) → (N, C, 2H, 2W)."""
    return _Doubled.apply(x) if torch.is_grad_enabled() else _double(x)


class _Filtered(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, padding: int, gain: float) -> Tensor:
        ctx.padding, ctx.gain = padding, gain
        return _filter(x, padding, gain)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return filtered(gradient, padding=3 - ctx.padding, gain=ctx.gain), None, None


class _Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return _halve(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return doubled(gradient)


class _Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return _double(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return halved(gradient)


def _filter(x: Tensor, padding: int, gain: float) -> Tensor:
    if _by_convolution(x):
        channels = x.shape[1]
        return F.conv2d(x, _kernel(channels, gain, x.dtype), padding=padding, groups=channels)
    return _along(_along(F.pad(x, (padding,) * 4), 3, 1, gain**0.5), 2, 1, gain**0.5)


def _halve(x: Tensor) -> Tensor:
    if _by_convolution(x):
        channels = x.shape[1]
        return F.conv2d(x, _kernel(channels, 1.0, x.dtype), stride=2, padding=1, groups=channels)
    return _along(_along(F.pad(x, (1, 1, 1, 1)), 3, 2), 2, 2)


def _double(x: Tensor) -> Tensor:
    if _by_convolution(x):
        # oneDNN is slow at this in bfloat16: 11 ms where float32 takes 0.4 (8×32×64×64), far more than casts.
        wide, channels = ops.at_least_float32(x), x.shape[1]
        kernel = _kernel(channels, 1.0, wide.dtype)
        return F.conv_transpose2d(wide, kernel, stride=2, padding=1, groups=channels).to(x.dtype)
    count, channels, height, width = x.shape
    last = x.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format
    out = torch.empty(count, channels, 2 * height, 2 * width, dtype=x.dtype, device=x.device, memory_format=layout)
    # Of the zeros between pixels every output sees two along each axis, and two pixels, the nearer three times as much.
    x = F.pad(x, (1, 1, 1, 1))
    near = x[..., 1:-1] * _NEAR
    columns = near.add(x[..., :-2], alpha=_FAR), near.add(x[..., 2:], alpha=_FAR)
    for column, half in enumerate(columns):
        near = half[:, :, 1:-1] * _NEAR
        torch.add(near, half[:, :, :-2], alpha=_FAR, out=out[:, :, ::2, column::2])
        torch.add(near, half[:, :, 2:], alpha=_FAR, out=out[:, :, 1::2, column::2])
    return out


def _by_convolution(x: Tensor) -> bool:
    """Whether a convolution of each channel by itself is quickest: oneDNN's is; cuDNN's is slow in half precision."""
    return x.device.type == "cpu"


def _along(x: Tensor, axis: int, stride: int, gain: float = 1.0) -> Tensor:
    """The filter along one axis: x → every ``stride``-th place of it, three fewer in all.

    In sums of slices.
    """
    every = tuple(slice(None, None, stride if a == axis else 1) for a in range(x.ndim))
    first, second, third, fourth = (x.narrow(axis, tap, x.shape[axis] - 3)[every] for tap in range(4))
    out = torch.add(second, third).mul_(_NEAR * gain)
    return out.add_(first, alpha=_FAR * gain).add_(fourth, alpha=_FAR * gain)


@cache
def _kernel(channels: int, gain: float, dtype: torch.dtype) -> Tensor:
    """The filter for each of C channels, (C, 1, 4, 4), laid out as oneDNN wants it: twice as fast."""
    with torch.inference_mode(False):  # kept for all callers: an inference tensor could not be differentiated through
        kernel = ops.fir_kernel(gain).to(dtype).expand(channels, 1, 4, 4)
        return kernel.contiguous(memory_format=torch.channels_last)
