"""Styled convolutions and styles with all of it worked out that depends on weights alone.

A network that learns folds anew in every pass; a frozen one folds once, in ``inference.freeze``. The arithmetic
after that is one and the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from . import filtering, ops

Noise = Tensor | Literal["own"] | None
"""Of one layer: drawn maps (N, H, W), the layer's own map, or none."""

_KEPT_SHIFT = 1 << 20
"""Noise and bias of a layer are kept together up to this many numbers; above, they would take too much memory."""


class Affine(Protocol):
    """A layer with a style: weight (O, I, …), affine_weight (I, w_dim), affine_bias (I)."""

    @property
    def weight(self) -> Tensor: ...
    @property
    def affine_weight(self) -> Tensor: ...
    @property
    def affine_bias(self) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class FoldedConvolution:
    """A styled convolution, gains folded in.

    The activation is positively homogeneous, so its gain √2 goes into bias, noise and demodulation.
    """

    size: tuple[int, int]
    """Height and width of what it gives."""
    up: bool
    clamp: float | None
    weight: Tensor
    """(O, I, 3, 3); (I, O, 3, 3), as a transposed convolution has it, if it doubles the size."""
    power: Tensor
    """Sums of the squared weights, (I, O)."""
    epsilon: Tensor
    bias: Tensor
    """(O)."""
    noise_gain: Tensor
    own_noise: Tensor
    """The checkpoint's map, (H, W), with its strength and gain."""
    own_shift: Tensor | None
    """Own noise and bias of all pixels, (O, H, W), where that is small enough to be kept."""

    def __call__(self, x: Tensor, style: Tensor, noise: Noise, spent: bool = False) -> Tensor:
        """One layer (StyleGAN2, eq. 1 and 3).

        Scaling the input by the style equals scaling the weight per sample, so that the whole batch
        shares one convolution; demodulation scales the output likewise.

        Args:
            x: (N, I, h, w).
            style: (N, I), with the equalised gain 1/√fan_in of the weight in it.
            spent: nobody looks at x again, so that it may be overwritten where no gradient is wanted.

        Returns:
            (N, O, H, W), where H = 2h if the layer doubles the size.
        """
        with ops.full_precision(x.device):
            scale = torch.addmm(self.epsilon, style.square(), self.power).rsqrt_()
        # One type in one pass, that of the features: mixed ones take several times as long.
        scaled = x if spent and not torch.is_grad_enabled() else None
        x = torch.mul(x, style.to(x.dtype).view(*style.shape, 1, 1), out=scaled)
        if self.up:
            x = filtering.filtered(F.conv_transpose2d(x, self.weight, stride=2), padding=1, gain=4.0)
        else:
            x = F.conv2d(x, self.weight, padding=1)
        scale = scale.to(x.dtype).view(*scale.shape, 1, 1)
        # In place where no gradient is wanted: fresh memory would cost more than the arithmetic.
        out = None if torch.is_grad_enabled() else x
        if isinstance(noise, Tensor) and (out is None or x.dtype != torch.float32):
            # While it learns: one after the other, for noise and bias of all pixels would be as much as the features.
            x = torch.addcmul((noise * self.noise_gain).to(x.dtype)[:, None], x, scale, out=out)
            x = x.add_(self.bias.to(x.dtype).view(-1, 1, 1))
        else:
            x = torch.addcmul(self._shift(noise).to(x.dtype), x, scale, out=out)
        x = F.leaky_relu_(x, ops.LEAKY_SLOPE)
        return x if self.clamp is None else torch.clamp(x, -self.clamp, self.clamp, out=out)

    def _shift(self, noise: Noise) -> Tensor:
        """Noise and bias of all pixels, channels last in memory as features are; one pass adds and demodulates."""
        if noise is None:
            return self.bias.view(-1, 1, 1)
        if isinstance(noise, Tensor):
            return _noise_and_bias(noise * self.noise_gain, self.bias)
        return _noise_and_bias(self.own_noise, self.bias) if self.own_shift is None else self.own_shift


def fold_convolution(
    *,
    weight: Tensor,
    bias: Tensor,
    noise: Tensor,
    noise_strength: Tensor,
    up: bool,
    clamp: float | None,
    keep_shift: bool,
) -> FoldedConvolution:
    """Fold one layer.

    Args:
        weight: (O, I, 3, 3).
        bias: (O).
        noise: the checkpoint's map, (H, W).
        noise_strength: scalar.
        keep_shift: add own noise and bias once for all passes, if that is small.
    """
    gain = ops.ACTIVATION_GAIN
    own_noise = noise * noise_strength * gain
    small = keep_shift and bias.numel() * noise.numel() <= _KEPT_SHIFT
    return FoldedConvolution(
        size=(noise.shape[0], noise.shape[1]),
        up=up,
        clamp=clamp,
        weight=weight.transpose(0, 1).contiguous(memory_format=torch.channels_last) if up else weight,
        power=weight.square().sum((2, 3)).t() / gain**2,
        epsilon=weight.new_full((), ops.EPSILON / gain**2),
        bias=bias * gain,
        noise_gain=noise_strength * gain,
        own_noise=own_noise,
        own_shift=_noise_and_bias(own_noise, bias * gain) if small else None,
    )


@dataclass(frozen=True, kw_only=True)
class FoldedToRGB:
    """Modulated 1×1 convolution to three channels, not demodulated, with bias."""

    weight: Tensor
    """(3, C)."""
    bias: Tensor
    clamp: float | None

    def __call__(self, x: Tensor, style: Tensor) -> Tensor:
        """x (N, C, H, W), style (N, C) with the equalised gain of the weight in it → (N, 3, H, W)."""
        # Few outputs: a weight per sample costs less than scaling all features, and needs no other layout after it.
        weight = self.weight * style[:, None, :]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)
        coloured = _Coloured.apply if ops.learns_on_cpu(x) else _coloured
        rgb = coloured(self.bias, weight, pixels).unflatten(2, x.shape[2:])
        return rgb if self.clamp is None else rgb.clamp_(-self.clamp, self.clamp)


def _coloured(bias: Tensor, weight: Tensor, pixels: Tensor) -> Tensor:
    """bias (3), weight (N, 3, C), pixels (N, C, P) → (N, 3, P)."""
    return torch.baddbmm(bias[:, None], weight, pixels)


class _Coloured(torch.autograd.Function):
    """``_coloured`` whose gradient lies in memory as activations do on a CPU, the channels of a pixel side by side.

    torch's own gradient has every channel's pixels side by side. To add that to another one, and to go on with it,
    takes three to six times as long.
    """

    @staticmethod
    def forward(ctx, bias: Tensor, weight: Tensor, pixels: Tensor) -> Tensor:
        ctx.save_for_backward(weight, pixels)
        return _coloured(bias, weight, pixels)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor]:
        weight, pixels = ctx.saved_tensors
        of_bias = gradient.sum((0, 2)) if ctx.needs_input_grad[0] else None
        of_weight = gradient @ pixels.transpose(1, 2) if ctx.needs_input_grad[1] else None
        return of_bias, of_weight, (gradient.transpose(1, 2) @ weight).transpose(1, 2)


def _noise_and_bias(noise: Tensor, bias: Tensor) -> Tensor:
    """Noise (…, H, W) and bias (O) of all pixels: (…, O, H, W), channels last in memory as activations are."""
    return (bias + noise[..., None]).movedim(-1, -3)


@dataclass(frozen=True, kw_only=True)
class FoldedStyles:
    """The affine layers of a whole generator as one, in the order in which synthesis needs them.

    The equalised gains of theirs and of the weights that they scale are in them.
    """

    affine: Tensor
    """(w_dim, total of all sizes)."""
    bias: Tensor
    sizes: tuple[int, ...]
    num_ws: int

    def __call__(self, w: Tensor) -> Sequence[Tensor]:
        """w (N, w_dim) or w+ (N, num_ws, w_dim) → styles (N, C) of all layers.

        Raises:
            ValueError: w has another shape.
        """
        return self.joined(w).split(self.sizes, 1) if w.ndim == 2 else self._parts(w)

    def joined(self, w: Tensor) -> Tensor:
        """As a call, all styles side by side: (N, total of all sizes)."""
        w_dim = self.affine.shape[0]
        if w.ndim == 2 and w.shape[1] == w_dim:
            return torch.addmm(self.bias, w, self.affine)
        return torch.cat(self._parts(w), 1)

    def _parts(self, w: Tensor) -> list[Tensor]:
        w_dim = self.affine.shape[0]
        if w.ndim != 3 or tuple(w.shape[1:]) != (self.num_ws, w_dim):
            raise ValueError(f"w has shape {tuple(w.shape)}; expected (N, {w_dim}) or (N, {self.num_ws}, {w_dim})")
        # A ToRGB shares its code with the convolution that follows it.
        levels = self.num_ws // 2
        codes = [0, 1] + [c for j in range(levels - 1) for c in (2 * j + 1, 2 * j + 2, 2 * j + 3)]
        parts = zip(self.bias.split(self.sizes), codes, self.affine.split(self.sizes, 1), strict=True)
        return [torch.addmm(b, w[:, code], m) for b, code, m in parts]


def fold_styles(layers: Sequence[Affine], to_rgb: Sequence[Affine]) -> FoldedStyles:
    """Fold all affine layers of a generator: its styled convolutions in order, and its ToRGB by resolution."""
    ordered = [m for j, rgb in enumerate(to_rgb) for m in (*layers[max(2 * j - 1, 0) : 2 * j + 1], rgb)]
    affine, bias = [], []
    for layer in ordered:
        gain = 1 / math.sqrt(layer.weight[0].numel())
        affine.append(layer.affine_weight.t() * (gain / math.sqrt(layer.affine_weight.shape[1])))
        bias.append(layer.affine_bias * gain)
    return FoldedStyles(
        affine=torch.cat(affine, 1),
        bias=torch.cat(bias),
        sizes=tuple(layer.affine_bias.shape[0] for layer in ordered),
        num_ws=2 * len(to_rgb),
    )
