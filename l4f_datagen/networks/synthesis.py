"""What every StyleGAN2 generator does with codes, whether its weights learn or are frozen."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from . import ops
from .folding import FoldedStyles, Noise
from .zeroed import ZeroedChannels, activation_sizes, kept

NoiseMode = Literal["const", "none", "random"]
SwitchedOff = Literal["constant", "first_convolution"] | ZeroedChannels
"""What is zero in a background: one of the first two activations, or single channels of several."""


@dataclass(frozen=True, kw_only=True)
class GeneratorArchitecture:
    """What a generator's weights do not say by themselves.

    ``channels`` are those of each level, coarse to fine; square images have 4, 8, … pixels a side there. ``z_dim``
    counts all numbers of a z, also the one that says its class (``several``).
    """

    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    conv_clamp: float | None = None
    classes: int = 0
    """Of a class-conditional generator that is not asked for any yet, how many it has; else 0."""
    drawn: tuple[int, ...] = ()
    """Which classes a class-conditional generator draws, rising; (): it is unconditional, or not asked yet."""
    constant: tuple[int, int] = (4, 4)
    """Height and width in pixels of the learned constant, which every level after the first doubles."""

    @property
    def several(self) -> bool:
        """Whether a code says its class: the last number of its z does, which the mapping does not see."""
        return len(self.drawn) > 1

    def size_at(self, level: int) -> tuple[int, int]:
        """Height and width in pixels of what a level draws, the coarsest being 0."""
        height, width = self.constant
        return height << level, width << level

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.size_at(len(self.channels) - 1)

    @property
    def resolution(self) -> int:
        """Height and width of a square image in pixels.

        Raises:
            ValueError: images are rectangular; ``size`` has both sides.
        """
        height, width = self.size
        if height != width:
            raise ValueError(f"images of {self.pixels} have no one side")
        return height

    @property
    def pixels(self) -> str:
        """The image's size as people write it: "128 px", or "64×32 px", the width before the height."""
        height, width = self.size
        return f"{height} px" if height == width else f"{width}×{height} px"

    @property
    def num_ws(self) -> int:
        """Number of codes in w+: one per styled convolution and one for the last ToRGB."""
        return 2 * len(self.channels)

    @property
    def noise_sizes(self) -> list[tuple[int, int]]:
        """Height and width of the noise of every styled convolution: of square images 4, 8, 8, 16, 16, …"""
        return [self.size_at((index + 1) // 2) for index in range(self.num_ws - 1)]


class SynthesisOutput(NamedTuple):
    """What one synthesis gives."""

    image: Tensor
    """(N, 3, H, W) float32, nominally [-1, 1], not clamped."""
    features: tuple[Tensor, ...]
    """Outputs of all styled convolutions after noise, bias and activation, from the constant's size up; of the two
    at each larger one the up-sampling one comes first."""


Layer = Callable[[Tensor, Tensor, Noise, bool], Tensor]
"""A styled convolution, as ``folding.FoldedConvolution`` is called."""


class Parts(NamedTuple):
    """The parts of a generator, for one pass."""

    constant: Tensor
    """(C, h, w); 4×4 pixels as a rule."""
    styles: FoldedStyles
    layers: Sequence[Layer]
    """The styled convolutions in order."""
    to_rgb: Sequence[Callable[[Tensor, Tensor], Tensor]]
    """By resolution."""


class Synthesis:
    """A StyleGAN2 generator, seen from outside.

    ``w_avg`` (w_dim) is the centre of truncation.
    """

    architecture: GeneratorArchitecture
    w_avg: Tensor

    @abstractmethod
    def map(self, z: Tensor) -> Tensor:
        """z (N, z_dim) float32 → w (N, w_dim)."""

    @abstractmethod
    def _parts(self) -> Parts:
        """What draws."""

    def truncate(self, w: Tensor, psi: float) -> Tensor:
        """Pull w, (N, w_dim) or (N, num_ws, w_dim), towards its average: ψ = 1 leaves it, ψ = 0 gives the average."""
        return w if psi == 1 else torch.lerp(self.w_avg, w, psi)

    def synthesize(
        self,
        w: Tensor,
        noise: NoiseMode | Sequence[Tensor] = "const",
        *,
        noise_generators: Sequence[torch.Generator] | None = None,
    ) -> SynthesisOutput:
        """Draw images.

        Args:
            w: (N, w_dim), or w+ (N, num_ws, w_dim).
            noise: "const", the checkpoint's maps; "none"; "random", drawn from ``noise_generators``; or maps
                (N, H, W) for every layer, of the sizes ``GeneratorArchitecture.noise_sizes``.
            noise_generators: with "random", one generator per sample, of any device.

        Raises:
            ValueError: the shape of w, or the number of generators, is wrong.
        """
        return _draw(self._parts(), w, noise, noise_generators, switched_off=None)

    def background(
        self,
        w: Tensor,
        noise: NoiseMode | Sequence[Tensor] = "const",
        *,
        noise_generators: Sequence[torch.Generator] | None = None,
        switched_off: SwitchedOff = "first_convolution",
    ) -> Tensor:
        """Draw backgrounds, G_bg of Labels4Free 3.2: the same network with its first layer, or some channels, off.

        Args:
            switched_off: "first_convolution" zeroes that layer's output; "constant" zeroes the learned
                constant, so that the first convolution's noise and bias remain; ``ZeroedChannels`` zero their own.

        Returns:
            (N, 3, H, W) float32, nominally [-1, 1].

        Raises:
            ValueError: the channels are those of another generator.
        """
        self.check_zeroed(switched_off)
        return _draw(self._parts(), w, noise, noise_generators, switched_off=switched_off).image

    def check_zeroed(self, switched_off: SwitchedOff) -> None:
        """Refuse channels of another generator, and what is neither channels nor a layer that can be switched off.

        Raises:
            ValueError: as it says.
        """
        if isinstance(switched_off, str) and switched_off not in ("constant", "first_convolution"):
            raise ValueError(f"switched_off is {switched_off!r}; expected a layer or ZeroedChannels")
        expected = activation_sizes(self.architecture.channels)
        if isinstance(switched_off, ZeroedChannels) and switched_off.sizes != expected:
            raise ValueError(f"zeroed channels are for activations of {switched_off.sizes} channels, not {expected}")


def noise_maps(
    size: tuple[int, int], like: Tensor, mode: NoiseMode, count: int, generators: Sequence[torch.Generator] | None
) -> Noise:
    """The noise of one layer, drawn maps with the type and on the device of ``like``.

    Args:
        size: height and width of the layer in pixels.

    Raises:
        ValueError: no such mode, or random noise without one generator for each of ``count`` samples.
    """
    if mode == "const":
        return "own"
    if mode == "none":
        return None
    if mode != "random":
        raise ValueError(f"noise is {mode!r}; expected 'const', 'none' or 'random'")
    if generators is None or len(generators) != count:
        raise ValueError(f"random noise needs one generator per sample, {count} of them")
    maps = [torch.randn(*size, generator=g, device=g.device) for g in generators]
    return torch.stack(maps).to(like)


def _draw(
    parts: Parts,
    w: Tensor,
    mode: NoiseMode | Sequence[Tensor],
    generators: Sequence[torch.Generator] | None,
    *,
    switched_off: SwitchedOff | None,
) -> SynthesisOutput:
    with ops.full_precision(w.device):
        styles = iter(parts.styles(w))
    count = w.shape[0]
    x = parts.constant.expand(count, -1, -1, -1)
    # oneDNN's convolutions and the per-channel scaling between them are fastest channels last.
    x = x.contiguous(memory_format=torch.channels_last if x.device.type == "cpu" else torch.contiguous_format)
    zeroed = isinstance(switched_off, ZeroedChannels)
    masks = kept(switched_off, x.device, x.dtype) if zeroed else (None,) * (len(parts.layers) + 1)
    x = torch.zeros_like(x) if switched_off == "constant" else _masked(x, masks[0])
    image, features = None, []
    height, width = parts.constant.shape[1:]
    for index, layer in enumerate(parts.layers):
        if isinstance(mode, str):
            level = (index + 1) // 2
            noise = noise_maps((height << level, width << level), parts.constant, mode, count, generators)
        else:
            noise = mode[index]
        style = next(styles)
        off = index == 0 and switched_off == "first_convolution"
        # Nobody looks at features of backgrounds: a layer may write where it reads, which is quicker. The first one
        # reads the weights' own memory.
        spent = switched_off is not None and index > 0
        x = torch.zeros_like(x) if off else _masked(layer(x, style, noise, spent), masks[index + 1])
        if switched_off is None:
            features.append(x)
        if index % 2 == 0:  # the last styled convolution of its resolution
            with ops.full_precision(x.device):
                rgb = parts.to_rgb[index // 2](ops.at_least_float32(x), next(styles))
                image = rgb if image is None else ops.upsample_image(image).add_(rgb)
    assert image is not None, "a generator has at least one layer"
    return SynthesisOutput(image, tuple(features))


def _masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Activations (N, C, H, W) times a mask (C); as they are without one."""
    return x if mask is None else x * mask.to(x.dtype).view(-1, 1, 1)
