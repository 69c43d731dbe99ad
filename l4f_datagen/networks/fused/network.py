"""The three networks of a sample as one: foregrounds and backgrounds share every convolution of a batch."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import ops
from ..alpha import AlphaNetwork
from ..folding import FoldedConvolution, FoldedStyles, FoldedToRGB
from ..inference import InferenceGenerator
from ..synthesis import SwitchedOff
from ..zeroed import ZeroedChannels, kept
from . import epilogue, kernels
from .epilogue import Colours, Reduction, Result, Step
from .phases import folded

Epilogue = Callable[[Tensor, Step, Tensor], Result]


class Scene(NamedTuple):
    """What one pass gives for N foregrounds and M backgrounds, N = M or M = 0."""

    foreground: Tensor
    """(N, 3, H, W) float32, nominally [-1, 1]."""
    background: Tensor
    """(M, 3, H, W) likewise."""
    alpha: Tensor
    """(N, 1, H, W) float32 in [0, 1]."""
    overflowed: Tensor
    """(1,) int32: 1 where a number has left the range of the arithmetic's type, so that the rest is worth nothing."""


@dataclass(frozen=True, kw_only=True)
class FusedConvolution:
    """A styled convolution, its weight normalised so that half precision holds what it gives."""

    size: tuple[int, int]
    """Height and width of what it gives."""
    up: bool
    clamp: float | None
    weight: Tensor
    """(O, I, 3, 3), or (4·O, I, 3, 3) with the filter in it; channels last, in the arithmetic's type."""
    norm: Tensor
    """What each output's weight was divided by, (O)."""
    power: Tensor
    epsilon: Tensor
    bias: Tensor
    noise_gain: Tensor
    own_noise: Tensor

    def scale(self, style: Tensor) -> Tensor:
        """Demodulation of styles (N, I), and what the weight was divided by: (N, O)."""
        return torch.addmm(self.epsilon, style.square(), self.power).rsqrt_() * self.norm


@dataclass(frozen=True, kw_only=True)
class FusedNetworks:
    """Generator, its background and alpha network, frozen, on one device."""

    dtype: torch.dtype
    """Of the convolutions: float16, or float32; float64 in tests."""
    constant: Tensor
    styles: FoldedStyles
    layers: tuple[FusedConvolution, ...]
    to_rgb: tuple[FoldedToRGB, ...]
    alpha: AlphaNetwork
    """For its 1×1 convolutions of features, which are steps of the layers here."""
    head: AlphaNetwork
    """The same in the type of its maps, for what it makes of them."""
    epilogue: Epilogue

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of each layer's noise."""
        return [layer.size for layer in self.layers]

    def __call__(
        self,
        w: Tensor,
        count: int,
        noise: Sequence[Tensor] | str | None,
        switched_off: SwitchedOff = "first_convolution",
    ) -> Scene:
        """Draw.

        Args:
            w: codes (N + M, w_dim) or w+ (N + M, num_ws, w_dim), foregrounds first.
            count: N, of foregrounds.
            noise: "own", the checkpoint's maps; None; or drawn maps (N + M, H, W) for every layer.
            switched_off: what is zeroed for backgrounds. Single channels are zeroed in the styles by which the next
                layer and ToRGB multiply them; the demodulation, which follows from whole styles, stays as it is.
        """
        total, device = len(w), w.device
        styles = list(self.styles(w))
        # In the order of synthesis: the styled convolutions of a resolution, then its ToRGB.
        rgb_styles = [styles.pop(2 * level + 1) for level in range(len(self.to_rgb))]
        overflowed = torch.zeros(1, dtype=torch.int32, device=device)
        masks: Sequence[Tensor | None] = (None,) * (len(self.layers) + 1)
        if isinstance(switched_off, ZeroedChannels):
            masks = kept(switched_off, device, styles[0].dtype)
        x = self.constant * _zeroed(styles[0], masks[0], count)[:, :, None, None]
        if switched_off == "constant":
            x[count:] = 0
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        image, levels = None, self._levels(count, device)
        for index, layer in enumerate(self.layers):
            level, last = (index + 1) // 2, index == len(self.layers) - 1
            colours = None
            if index % 2 == 0:
                rgb = self.to_rgb[level]
                style = _zeroed(rgb_styles[level], masks[index + 1], count)
                colours = Colours(weight=rgb.weight, bias=rgb.bias, style=style, before=image)
            off = index == 0 and switched_off == "first_convolution"
            step = Step(
                up=layer.up,
                scale=layer.scale(styles[index]),
                bias=layer.bias,
                noise=self._noise(layer, noise, index),
                clamp=layer.clamp,
                live=count if off else total,
                following=None if last else _zeroed(styles[index + 1], masks[index + 1], count),
                colours=colours,
                reduction=self._reduction(levels, index),
            )
            x, coloured = self.epilogue(F.conv2d(_given(x), layer.weight, padding=1), step, overflowed)
            image = image if coloured is None else coloured
        image, alpha = _given(image), ops.at_least_float32(self.head.merged(levels))
        # What the alpha network makes of its maps leaves the range by becoming no number at all.
        overflowed.logical_or_(alpha.isnan().any())
        return Scene(image[:count], image[count:], alpha, overflowed)

    def _noise(self, layer: FusedConvolution, noise: Sequence[Tensor] | str | None, index: int) -> Tensor | None:
        if noise is None:
            return None
        return layer.own_noise if isinstance(noise, str) else noise[index] * layer.noise_gain

    def _levels(self, count: int, device: torch.device) -> list[Tensor]:
        """Room for the alpha network's maps, (N, 6, H, W) for each of its levels."""
        height, width = self.layers[-1].size
        sizes = [(height >> down, width >> down) for down in range(len(self.alpha.channels))]
        dtype = self.head.output.weight.dtype
        return [torch.empty(count, 6, *size, dtype=dtype, device=device) for size in reversed(sizes)]

    def _reduction(self, levels: Sequence[Tensor], index: int) -> Reduction | None:
        level = (index + 1) // 2 - (len(self.to_rgb) - len(levels))
        if level < 0 or index == 0:
            return None
        first = index % 2 == 1
        module = (self.alpha.reduce_first if first else self.alpha.reduce_second)[level]
        assert isinstance(module, torch.nn.Conv2d) and module.bias is not None
        out = levels[level][:, :3] if first else levels[level][:, 3:]
        return Reduction(weight=module.weight[:, :, 0, 0], bias=module.bias, out=out)


def fuse(
    generator: InferenceGenerator, alpha: AlphaNetwork, *, dtype: torch.dtype, triton: bool | None = None
) -> FusedNetworks:
    """Fold what follows from the weights of a frozen generator and of an alpha network on its device.

    Args:
        triton: use the Triton kernel; default: on CUDA, where Triton is.
    """
    on_gpu = generator.device.type == "cuda"
    if triton is None:
        triton = on_gpu and kernels.available()
    with torch.inference_mode(False), torch.no_grad():
        return FusedNetworks(
            dtype=dtype,
            constant=generator.constant,
            styles=generator.styles,
            layers=tuple(_fused(layer, dtype) for layer in generator.layers),
            to_rgb=tuple(replace(rgb, weight=rgb.weight.contiguous()) for rgb in generator.to_rgb),
            alpha=alpha,
            head=copy.deepcopy(alpha).to(dtype if on_gpu else torch.promote_types(dtype, torch.float32)),
            epilogue=kernels.run if triton else epilogue.run,
        )


def _fused(layer: FoldedConvolution, dtype: torch.dtype) -> FusedConvolution:
    weight = layer.weight.transpose(0, 1) if layer.up else layer.weight
    # Half precision holds 65 504: outputs of large weights are divided before the convolution and multiplied after it.
    norm = weight.square().mean((1, 2, 3)).sqrt()
    norm = torch.where(norm > 0, norm, 1.0)
    weight = weight / norm[:, None, None, None]
    weight = folded(weight) if layer.up else weight
    return FusedConvolution(
        size=layer.size,
        up=layer.up,
        clamp=layer.clamp,
        weight=weight.to(dtype).contiguous(memory_format=torch.channels_last),
        norm=norm,
        power=layer.power,
        epsilon=layer.epsilon,
        bias=layer.bias.contiguous(),
        noise_gain=layer.noise_gain,
        own_noise=layer.own_noise[None].contiguous(),
    )


def _zeroed(style: Tensor, mask: Tensor | None, count: int) -> Tensor:
    """A layer's style (N + M, C), that of the M backgrounds times a mask (C)."""
    return style if mask is None else torch.cat((style[:count], style[count:] * mask))


def _given(tensor: Tensor | None) -> Tensor:
    assert tensor is not None, "all layers but the last have a next one, and every resolution has colours"
    return tensor
