"""StyleGAN2's generator with the skip architecture (Karras et al. 2020), any size and channel table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(o, i) / self.LR_MUL) for i, o in zip(sizes, sizes[1:])
        )
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

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None, kernel: Tensor) -> Tensor:
        """x (N, I, h, w), w (N, w_dim), noise (N or 1, H, W) or None → (N, O, H, W)."""
        style = ops.equalized_linear(w, self.affine_weight, self.affine_bias)
        x, demodulation = ops.modulated_convolution(x, self.weight, style, up=self.up, kernel=kernel)
        # The activation is positively homogeneous: its gain √2 goes into the small factors, and one
        # pass over the pixels demodulates and adds noise and bias.
        gain = ops.ACTIVATION_GAIN
        scale = (demodulation * gain)[:, :, None, None]
        shift = self._shift(noise) * gain
        x = torch.addcmul(shift, x, scale)
        x = F.leaky_relu(x, ops.LEAKY_SLOPE, inplace=True)
        return x if self.clamp is None else x.clamp_(-self.clamp, self.clamp)

    def _shift(self, noise: Tensor | None) -> Tensor:
        """Noise and bias together: (N or 1, O, H or 1, W or 1), channels last in memory."""
        if noise is None:
            return self.bias[None, :, None, None]
        return (noise[..., None] * self.noise_strength + self.bias).permute(0, 3, 1, 2)


class ToRGB(nn.Module):
    """Modulated 1×1 convolution to three channels, not demodulated, with bias."""

    def __init__(self, *, inputs: int, w_dim: int, clamp: float | None):
        super().__init__()
        self.clamp = clamp
        self.weight = nn.Parameter(torch.randn(3, inputs))
        self.bias = nn.Parameter(torch.zeros(3))
        self.affine_weight = nn.Parameter(torch.randn(inputs, w_dim))
        self.affine_bias = nn.Parameter(torch.ones(inputs))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x (N, C, H, W), w (N, w_dim) → (N, 3, H, W)."""
        style = ops.equalized_linear(w, self.affine_weight, self.affine_bias) / math.sqrt(x.shape[1])
        weight = self.weight * style[:, None, :]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
        rgb = torch.baddbmm(self.bias, pixels, weight.transpose(1, 2)).unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
        return rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)


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
            noise_generators: with "random", one CPU generator per sample.

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
        codes = self._codes(w)
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
            layer_noise = _noise(layer, noise, noise_generators)
            if index == 0 and switched_off == "first_convolution":
                x = torch.zeros_like(x)
            else:
                x = layer(x, codes[index], layer_noise, self.kernel)
            features.append(x)
            # A resolution's last styled convolution is followed by its ToRGB, with the next code.
            if index % 2 == 0:
                rgb = self.to_rgb[index // 2](x, codes[index + 1])
                image = rgb if image is None else ops.upsample_image(image).add_(rgb)
        return SynthesisOutput(image, tuple(features))

    def _codes(self, w: Tensor) -> Sequence[Tensor]:
        """One (N, w_dim) code per layer."""
        a = self.architecture
        if w.ndim == 2 and w.shape[1] == a.w_dim:
            return [w] * a.num_ws
        if w.ndim == 3 and tuple(w.shape[1:]) == (a.num_ws, a.w_dim):
            return w.unbind(1)
        raise ValueError(f"w has shape {tuple(w.shape)}; expected (N, {a.w_dim}) or (N, {a.num_ws}, {a.w_dim})")


def _noise(layer: StyledConvolution, mode: NoiseMode, generators: Sequence[torch.Generator] | None) -> Tensor | None:
    """The noise of one layer: (1, H, W), (N, H, W) or None."""
    if mode == "const":
        return layer.noise[None]
    if mode == "none":
        return None
    if mode == "random":
        maps = [torch.randn(layer.noise.shape, generator=generator) for generator in generators]
        return torch.stack(maps).to(layer.noise)
    raise ValueError(f"noise is {mode!r}; expected 'const', 'none' or 'random'")
