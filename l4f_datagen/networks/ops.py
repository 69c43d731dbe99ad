"""The operations that StyleGAN2's networks share."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

LEAKY_SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2.0)
EPSILON = 1e-8


def leaky_relu(x: Tensor) -> Tensor:
    """StyleGAN2's activation, leaky ReLU of slope 0.2 with gain √2. Overwrites nothing."""
    return F.leaky_relu(x, LEAKY_SLOPE).mul_(ACTIVATION_GAIN)


def equalized_linear(x: Tensor, weight: Tensor, bias: Tensor, lr_mul: float = 1.0) -> Tensor:
    """Fully connected layer with equalised learning rate: x (N, I), weight (O, I), bias (O) → (N, O)."""
    gain = lr_mul / math.sqrt(weight.shape[1])
    return torch.addmm(bias, x, weight.t(), beta=lr_mul, alpha=gain)


def fir_kernel(gain: float = 1.0) -> Tensor:
    """The low-pass filter of all resampling, [1, 3, 3, 1] ⊗ [1, 3, 3, 1] / 64, times gain: (4, 4)."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / 64 * gain


def upsample_image(x: Tensor) -> Tensor:
    """Twice the size: zero insertion, then the FIR filter times 4. x (N, C, H, W) → (N, C, 2H, 2W).

    Along each axis the filter's two phases weigh a pixel and its neighbour 3 : 1; zeros lie outside.
    Small images are multiplied by the matrix of that, which takes a fifth of the calls.
    """
    height, width = x.shape[2:]
    if max(height, width) <= 32:
        rows, columns = (_doubling_matrix(size, x.dtype, x.device) for size in (height, width))
        return rows @ x @ columns.t()
    x = F.pad(x, (1, 1, 1, 1))
    if not torch.is_grad_enabled():
        return _doubled(_doubled(x, 3), 2)
    near = x[..., 1:-1] * 0.75
    x = torch.stack((near.add(x[..., :-2], alpha=0.25), near.add(x[..., 2:], alpha=0.25)), -1).flatten(-2)
    near = x[..., 1:-1, :] * 0.75
    x = torch.stack((near.add(x[..., :-2, :], alpha=0.25), near.add(x[..., 2:, :], alpha=0.25)), -2)
    return x.flatten(-3, -2)


def _doubled(x: Tensor, axis: int) -> Tensor:
    """One axis of a padded image doubled, the same numbers written where they belong instead of stacked: half the time.

    Without gradients: nothing differentiates what writes into parts of a tensor that it is given.
    """
    size, shape = x.shape[axis] - 2, list(x.shape)
    shape[axis] = 2 * size
    out = x.new_empty(shape)
    near = x.narrow(axis, 1, size) * 0.75
    for phase in range(2):
        every = tuple(slice(phase, None, 2) if a == axis else slice(None) for a in range(x.ndim))
        torch.add(near, x.narrow(axis, 2 * phase, size), alpha=0.25, out=out[every])
    return out


@cache
def _doubling_matrix(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The filter along one axis as a matrix, (2·size, size)."""
    with torch.inference_mode(False):  # kept for all callers: an inference tensor could not be differentiated through
        eye = torch.eye(size, dtype=dtype, device=device)
        even, odd = 0.75 * eye + 0.25 * eye.roll(1, 0).tril(-1), 0.75 * eye + 0.25 * eye.roll(-1, 0).triu(1)
        return torch.stack((even, odd), 1).flatten(0, 1)


def spread(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear interpolation, pixel over pixel: x (N, C, h, w) → (N, C, H, W), ``size`` being H and W."""
    return orderly(F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False))


def learns_on_cpu(x: Tensor) -> bool:
    """Whether gradients will come back to a tensor on a CPU, where their order in memory decides how long they take."""
    return x.requires_grad and torch.is_grad_enabled() and x.device.type == "cpu"


def orderly(x: Tensor) -> Tensor:
    """x (N, C, H, W) itself; on a CPU, what its user passes back to it is brought into the order of ``layout``.

    Some operations pass back gradients in another order, or as a part of a larger tensor. torch adds those to others,
    and goes on with them, number by number, which takes three to eight times as long as one copy and the same work in
    order. No number changes.
    """
    if not learns_on_cpu(x):
        return x
    alias = x.view_as(x)  # gradients of x's other users are left alone
    alias.register_hook(lambda gradient: gradient.contiguous(memory_format=layout(gradient.device)))
    return alias


@cache
def layout(device: torch.device) -> torch.memory_format:
    """The order in memory in which a device's convolutions are quickest: oneDNN's and those of tensor cores want
    channels last; older GPUs would turn everything round and back.
    """
    quick = device.type == "cpu" or (device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0))
    return torch.channels_last if quick else torch.contiguous_format


def full_precision(device: torch.device) -> AbstractContextManager:
    """Float32 inside a half-precision training: for small products that lose by rounding and cost nothing."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def at_least_float32(x: Tensor) -> Tensor:
    """x itself if it is float32 or float64; half precision becomes float32."""
    return x if x.dtype == torch.float64 else x.float()
