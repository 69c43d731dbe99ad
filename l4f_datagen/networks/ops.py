"""The operations that StyleGAN2's networks share."""

import math

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


def filter_padded(x: Tensor, kernel: Tensor, padding: int) -> Tensor:
    """Filter every channel alike: x (N, C, H, W), kernel (4, 4), zero padding on all four sides."""
    channels = x.shape[1]
    return F.conv2d(x, kernel.expand(channels, 1, *kernel.shape), padding=padding, groups=channels)


def upsample_image(x: Tensor) -> Tensor:
    """Twice the size: zero insertion, then the FIR filter times 4. x (N, C, H, W) → (N, C, 2H, 2W).

    The filter's two phases weigh neighbours 1 : 3, which is bilinear interpolation everywhere but
    at the border, where zeros lie outside: hence the padding.
    """
    x = F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear", align_corners=False)
    return x[:, :, 2:-2, 2:-2]


def modulated_convolution(x: Tensor, weight: Tensor, style: Tensor, *, up: bool, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Modulated convolution (StyleGAN2, eq. 1), demodulation left to the caller.

    Scaling the input by the style equals scaling the weight per sample, so the whole batch shares
    one convolution.

    Args:
        x: (N, I, H, W).
        weight: (O, I, 3, 3), before the equalised gain 1/√fan_in.
        style: (N, I), scale of each input channel.
        up: double the size: transposed convolution of stride 2, then the FIR filter.
        kernel: the FIR filter with gain 4, (4, 4); used when ``up``.

    Returns:
        (N, O, H, W) or (N, O, 2H, 2W), and the demodulation factors of eq. 3, (N, O).
    """
    style = style * (1 / math.sqrt(weight[0].numel()))
    power = weight.square().sum((2, 3))
    demodulation = torch.addmm(x.new_full((), EPSILON), style.square(), power.t()).rsqrt()
    x = x * style[:, :, None, None]
    if up:
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return filter_padded(x, kernel, padding=1), demodulation
    return F.conv2d(x, weight, padding=1), demodulation
