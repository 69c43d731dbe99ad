"""StyleGAN2's generator with the skip architecture (Karras et al. 2020), any size and channel table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import ops

NoiseMode = Literal["const", "none", "random"]
SwitchedOff = Literal["constant", "first_convolution"]


@dataclass(frozen=True, kw_only=True)
class GeneratorArchitecture:
    """What a generator's weights do not say by themselves; ``channels`` per resolution 4, 8, …"""

    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    conv_clamp: float | None = None

    @property
    def resolution(self) -> int:
        """Height and width of the image in pixels."""
        return 4 << (len(self.channels) - 1)

    @property
    def num_ws(self) -> int:
        """Number of codes in w+: one per styled convolution and one for the last ToRGB."""
        return 2 * len(self.channels)


_KEPT_SHIFT = 1 << 20
"""Noise and bias of a layer are kept together up to this many numbers; above, they would take too much memory."""


class SynthesisOutput(NamedTuple):
    """What one synthesis gives."""

    image: Tensor
    """(N, 3, H, W) float32, nominally [-1, 1], not clamped."""
    features: tuple[Tensor, ...]
    """Outputs of all styled convolutions after noise, bias and activation, from 4×4 up; of the two
    at each larger resolution the up-sampling one comes first."""


class Mapping(nn.Module):
    """z → w: normalisation to unit root mean square, then fully connected layers."""

    LR_MUL = 0.01

    def __init__(self, *, z_dim: int, w_dim: int, num_layers: int):
        super().__init__()
        sizes = [z_dim] + [w_dim] * num_layers
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(o, i) / self.LR_MUL) for i, o in pairwise(sizes))
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(o)) for o in sizes[1:])

    def forward(self, z: Tensor) -> Tensor:
        """z (N, z_dim) → w (N, w_dim)."""
        x = z * (z.square().mean(1, keepdim=True) + ops.EPSILON).rsqrt()
        for weight, bias in zip(self.weights, self.biases):
            x = ops.leaky_relu(ops.equalized_linear(x, weight, bias, self.LR_MUL))
        return x


class StyledConvolution(nn.Module):
    """Modulated 3×3 convolution, demodulated, with noise, bias and activation."""

    def __init__(self, *, inputs: int, outputs: int, w_dim: int, resolution: int, up: bool, clamp: float | None):
        super().__init__()
        self.up, self.clamp = up, clamp
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine_weight = nn.Parameter(torch.randn(inputs, w_dim))
        self.affine_bias = nn.Parameter(torch.ones(inputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(resolution, resolution))
        self._memo = ops.Memo()

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None, kernel: Tensor) -> Tensor:
        """One layer (StyleGAN2, eq. 1 and 3).

        Scaling the input by the style equals scaling the weight per sample, so that the whole batch
        shares one convolution; demodulation scales the output likewise.

        Args:
            x: (N, I, h, w).
            style: (N, I), with the equalised gain 1/√fan_in of the weight in it.
            noise: drawn noise (N, H, W); None for none. The layer's own ``noise`` is known by identity.
            kernel: the FIR filter with gain 4, (4, 4).

        Returns:
            (N, O, H, W), where H = 2h if the layer doubles the size.
        """
        weight, kernel, power, epsilon, bias, own_noise, own_shift, noise_gain = self._memo(
            self._fold, self.weight, self.bias, self.noise_strength, self.noise, kernel
        )
        with ops.full_precision(x.device):
            scale = torch.addmm(epsilon, style.square(), power).rsqrt_()
        x = x * style.view(*style.shape, 1, 1)
        if self.up:
            x = ops.filter_padded(F.conv_transpose2d(x, weight, stride=2), kernel, padding=1)
        else:
            x = F.conv2d(x, weight, padding=1)
        # Noise and bias of all pixels, channels last in memory as x is; one pass adds and demodulates.
        if noise is None:
            shift = bias.view(-1, 1, 1)
        elif noise is self.noise and own_shift is not None:
            shift = own_shift
        else:
            shift = _noise_and_bias(own_noise if noise is self.noise else noise * noise_gain, bias)
        # One type in one pass, that of the features: mixed ones take several times as long.
        shift, scale = shift.to(x.dtype), scale.to(x.dtype)
        # In place where no gradient is wanted: fresh memory would cost more than the arithmetic.
        out = None if torch.is_grad_enabled() else x
        x = torch.addcmul(shift, x, scale.view(*scale.shape, 1, 1), out=out)
        x = F.leaky_relu_(x, ops.LEAKY_SLOPE)
        return x if self.clamp is None else torch.clamp(x, -self.clamp, self.clamp, out=out)

    def _fold(self, weight, bias, noise_strength, noise, kernel) -> tuple[Tensor | None, ...]:
        """All that depends on parameters alone, with the gains folded in.

        The activation is positively homogeneous, so its gain √2 goes into bias, noise and demodulation.
        """
        gain = ops.ACTIVATION_GAIN
        own_noise = noise * noise_strength * gain
        small = bias.numel() * noise.numel() <= _KEPT_SHIFT
        return (
            weight.transpose(0, 1).contiguous(memory_format=torch.channels_last) if self.up else weight,
            ops.per_channel(kernel, weight.shape[0]),
            weight.square().sum((2, 3)).t() / gain**2,
            weight.new_full((), ops.EPSILON / gain**2),
            bias * gain,
            own_noise,
            _noise_and_bias(own_noise, bias * gain) if small else None,
            noise_strength * gain,
        )


def _noise_and_bias(noise: Tensor, bias: Tensor) -> Tensor:
    """Noise (…, H, W) and bias (O) of all pixels: (…, O, H, W), channels last in memory as activations are."""
    return (bias + noise[..., None]).movedim(-1, -3)


class ToRGB(nn.Module):
    """Modulated 1×1 convolution to three channels, not demodulated, with bias."""

    def __init__(self, *, inputs: int, w_dim: int, clamp: float | None):
        super().__init__()
        self.clamp = clamp
        self.weight = nn.Parameter(torch.randn(3, inputs))
        self.bias = nn.Parameter(torch.zeros(3))
        self.affine_weight = nn.Parameter(torch.randn(inputs, w_dim))
        self.affine_bias = nn.Parameter(torch.ones(inputs))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (N, C, H, W), style (N, C) with the equalised gain of the weight in it → (N, 3, H, W)."""
        # Few outputs: a weight per sample costs less than scaling all features, and needs no other layout after it.
        weight = self.weight * style[:, None, :]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)
        rgb = torch.baddbmm(self.bias[:, None], weight, pixels).unflatten(2, x.shape[2:])
        return rgb if self.clamp is None else rgb.clamp_(-self.clamp, self.clamp)


class Generator(nn.Module):
    """A StyleGAN2 generator.

    ``layers`` are the styled convolutions in order, ``to_rgb`` the ToRGB layers by resolution;
    ``w_avg`` (w_dim) is the centre of truncation.
    """

    def __init__(self, architecture: GeneratorArchitecture):
        super().__init__()
        self.architecture = a = architecture
        self.mapping = Mapping(z_dim=a.z_dim, w_dim=a.w_dim, num_layers=a.mapping_layers)
        self.register_buffer("w_avg", torch.zeros(a.w_dim))
        self.constant = nn.Parameter(torch.randn(a.channels[0], 4, 4))
        self.layers, self.to_rgb = nn.ModuleList(), nn.ModuleList()
        common = {"w_dim": a.w_dim, "clamp": a.conv_clamp}
        for level, outputs in enumerate(a.channels):
            inputs, resolution = a.channels[max(level - 1, 0)], 4 << level
            if level > 0:
                self.layers.append(
                    StyledConvolution(inputs=inputs, outputs=outputs, resolution=resolution, up=True, **common)
                )
            self.layers.append(
                StyledConvolution(inputs=outputs, outputs=outputs, resolution=resolution, up=False, **common)
            )
            self.to_rgb.append(ToRGB(inputs=outputs, **common))
        self._memo = ops.Memo()
        self.register_buffer("kernel", ops.fir_kernel(gain=4), persistent=False)

    def map(self, z: Tensor) -> Tensor:
        """z (N, z_dim) float32 → w (N, w_dim)."""
        return self.mapping(z)

    def truncate(self, w: Tensor, psi: float) -> Tensor:
        """Pull w, (N, w_dim) or (N, num_ws, w_dim), towards its average: ψ = 1 leaves it, ψ = 0 gives the average."""
        return w if psi == 1 else torch.lerp(self.w_avg, w, psi)

    def synthesize(
        self,
        w: Tensor,
        noise: NoiseMode = "const",
        *,
        noise_generators: Sequence[torch.Generator] | None = None,
    ) -> SynthesisOutput:
        """Draw images.

        Args:
            w: (N, w_dim), or w+ (N, num_ws, w_dim).
            noise: "const", the checkpoint's maps; "none"; "random", drawn from ``noise_generators``.
            noise_generators: with "random", one generator per sample, of any device.

        Raises:
            ValueError: the shape of w, or the number of generators, is wrong.
        """
        return self._synthesize(w, noise, noise_generators, switched_off=None)

    def background(
        self,
        w: Tensor,
        noise: NoiseMode = "const",
        *,
        noise_generators: Sequence[torch.Generator] | None = None,
        switched_off: SwitchedOff = "first_convolution",
    ) -> Tensor:
        """Draw backgrounds, G_bg of Labels4Free 3.2: the same network with its first layer off.

        Args:
            switched_off: "first_convolution" zeroes that layer's output; "constant" zeroes the learned
                constant, so that the first convolution's noise and bias remain.

        Returns:
            (N, 3, H, W) float32, nominally [-1, 1].
        """
        return self._synthesize(w, noise, noise_generators, switched_off=switched_off).image

    def _synthesize(self, w, noise, noise_generators, *, switched_off) -> SynthesisOutput:
        with ops.full_precision(w.device):
            styles = iter(self._styles(w))
        count = w.shape[0]
        if noise == "random" and (noise_generators is None or len(noise_generators) != count):
            raise ValueError(f"random noise needs one generator per sample, {count} of them")
        x = self.constant.expand(count, -1, -1, -1)
        # oneDNN's convolutions and the per-channel scaling between them are fastest channels last.
        x = x.contiguous(memory_format=torch.channels_last if x.device.type == "cpu" else torch.contiguous_format)
        if switched_off == "constant":
            x = torch.zeros_like(x)
        image, features = None, []
        for index, layer in enumerate(self.layers):
            layer_noise, style = _noise(layer, noise, noise_generators), next(styles)
            if index == 0 and switched_off == "first_convolution":
                x = torch.zeros_like(x)
            else:
                x = layer(x, style, layer_noise, self.kernel)
            features.append(x)
            if index % 2 == 0:  # the last styled convolution of its resolution
                with ops.full_precision(x.device):
                    rgb = self.to_rgb[index // 2](x.float(), next(styles))
                    image = rgb if image is None else ops.upsample_image(image).add_(rgb)
        return SynthesisOutput(image, tuple(features))

    def _styles(self, w: Tensor) -> Sequence[Tensor]:
        """Styles (N, C) of all layers in the order in which synthesis needs them."""
        a = self.architecture
        modules = [m for j, rgb in enumerate(self.to_rgb) for m in (*self.layers[max(2 * j - 1, 0) : 2 * j + 1], rgb)]
        sizes = [m.affine_bias.shape[0] for m in modules]
        affine, bias = self._memo(self._fold, *(p for m in modules for p in (m.affine_weight, m.affine_bias, m.weight)))
        if w.ndim == 2 and w.shape[1] == a.w_dim:
            return torch.addmm(bias, w, affine).split(sizes, 1)
        if w.ndim == 3 and tuple(w.shape[1:]) == (a.num_ws, a.w_dim):
            # A ToRGB shares its code with the convolution that follows it.
            codes = [0, 1] + [c for j in range(len(self.to_rgb) - 1) for c in (2 * j + 1, 2 * j + 2, 2 * j + 3)]
            parts = zip(bias.split(sizes), codes, affine.split(sizes, 1), strict=True)
            return [torch.addmm(b, w[:, code], m) for b, code, m in parts]
        raise ValueError(f"w has shape {tuple(w.shape)}; expected (N, {a.w_dim}) or (N, {a.num_ws}, {a.w_dim})")

    @staticmethod
    def _fold(*parameters: Tensor) -> tuple[Tensor, Tensor]:
        """All affine layers as one, with the equalised gains of theirs and of the weights that they scale."""
        affine, bias = [], []
        for affine_weight, affine_bias, weight in zip(parameters[::3], parameters[1::3], parameters[2::3]):
            gain = 1 / math.sqrt(weight[0].numel())
            affine.append(affine_weight.t() * (gain / math.sqrt(affine_weight.shape[1])))
            bias.append(affine_bias * gain)
        return torch.cat(affine, 1), torch.cat(bias)


def _noise(layer: StyledConvolution, mode: NoiseMode, generators: Sequence[torch.Generator] | None) -> Tensor | None:
    """The noise of one layer: its own map (H, W), drawn maps (N, H, W) or None."""
    if mode == "const":
        return layer.noise
    if mode == "none":
        return None
    if mode == "random":
        maps = [torch.randn(layer.noise.shape, generator=g, device=g.device) for g in generators]
        return torch.stack(maps).to(layer.noise)
    raise ValueError(f"noise is {mode!r}; expected 'const', 'none' or 'random'")
