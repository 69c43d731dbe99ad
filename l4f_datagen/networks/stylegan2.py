"""StyleGAN2's generator with the skip architecture (Karras et al. 2020), any size and channels; it can learn."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from . import ops
from .folding import FoldedToRGB, Noise, fold_convolution, fold_styles
from .modules import Modules
from .synthesis import GeneratorArchitecture, Parts, Synthesis

__all__ = [
    "Generator",
    "GeneratorArchitecture",
    "Mapping",
    "StyledConvolution",
    "ToRGB",
    "class_bounds",
    "class_rows",
    "map_codes",
]


class Mapping(nn.Module):
    """z → w: normalisation to unit root mean square, then fully connected layers.

    Of a class-conditional one, a class is a bias of the first layer. The published form appends the class's normalised
    embedding to z; of both the layer makes one sum.
    """

    LR_MUL = 0.01

    def __init__(self, *, z_dim: int, w_dim: int, num_layers: int, classes: int = 0):
        super().__init__()
        sizes = [z_dim] + [w_dim] * num_layers
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(o, i) / self.LR_MUL) for i, o in pairwise(sizes))
        shapes = [(classes, o) if classes and index == 0 else (o,) for index, o in enumerate(sizes[1:])]
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(*shape)) for shape in shapes)

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """z (N, z_dim) → w (N, w_dim).

        Args:
            classes: of a class-conditional generator, the class of each z, (N,) int64.
        """
        biases = list(self.biases)
        if classes is not None:
            biases[0] = biases[0][classes]
        return map_codes(z, list(self.weights), biases)


def map_codes(z: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """z (N, z_dim) → w (N, w_dim) by the layers of a ``Mapping``."""
    x = z * (z.square().mean(1, keepdim=True) + ops.EPSILON).rsqrt()
    for weight, bias in zip(weights, biases, strict=True):
        x = ops.leaky_relu(ops.equalized_linear(x, weight, bias, Mapping.LR_MUL))
    return x


def class_bounds(count: int) -> Tensor:
    """What parts the classes of codes that say their own: (count − 1) float32, rising.

    The last number of such a z is normally distributed as the others are, and falls into one of as many intervals of
    the same probability as there are classes; these are where they meet. So whoever draws codes draws classes with
    them, and the class of a sample depends on what its code depends on alone.
    """
    return torch.special.ndtri(torch.arange(1, count, dtype=torch.float64) / count).float()


def class_rows(z: Tensor, bounds: Tensor) -> Tensor:
    """z (N, z_dim) that say their class → which of the classes that are drawn it is, (N,) int64 from 0.

    Args:
        bounds: as ``class_bounds`` gives them, on the device of z.
    """
    return (z[:, -1:] >= bounds).sum(1)


class StyledConvolution(nn.Module):
    """Modulated 3×3 convolution, demodulated, with noise, bias and activation."""

    noise: Tensor
    """The checkpoint's noise map, (H, W)."""

    def __init__(self, *, inputs: int, outputs: int, w_dim: int, size: tuple[int, int], up: bool, clamp: float | None):
        super().__init__()
        self.up, self.clamp = up, clamp
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine_weight = nn.Parameter(torch.randn(inputs, w_dim))
        self.affine_bias = nn.Parameter(torch.ones(inputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(*size))

    def forward(self, x: Tensor, style: Tensor, noise: Noise, spent: bool = False) -> Tensor:
        """As ``FoldedConvolution``, folded anew: an optimiser may have changed the weights since the last pass."""
        return fold_convolution(
            weight=self.weight, bias=self.bias, noise=self.noise, noise_strength=self.noise_strength, up=self.up,
            clamp=self.clamp, keep_shift=False,
        )(x, style, noise, spent)  # fmt: skip


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
        """As ``FoldedToRGB``."""
        return FoldedToRGB(weight=self.weight, bias=self.bias, clamp=self.clamp)(x, style)


class Generator(nn.Module, Synthesis):
    """A StyleGAN2 generator whose weights may change; ``inference.freeze`` makes one that is faster and stays.

    ``layers`` are the styled convolutions in order, ``to_rgb`` the ToRGB layers by resolution;
    ``w_avg`` (w_dim) is the centre of truncation.
    """

    w_avg: Tensor

    def __init__(self, architecture: GeneratorArchitecture):
        super().__init__()
        self.architecture = a = architecture
        self.mapping = Mapping(
            z_dim=a.z_dim - a.several, w_dim=a.w_dim, num_layers=a.mapping_layers,
            classes=len(a.drawn) if a.several else a.classes,
        )  # fmt: skip
        self.class_bounds: Tensor | None
        self.register_buffer("class_bounds", class_bounds(len(a.drawn)) if a.several else None, persistent=False)
        self.register_buffer("w_avg", torch.zeros(a.w_dim))
        self.constant = nn.Parameter(torch.randn(a.channels[0], *a.constant))
        self.layers, self.to_rgb = Modules[StyledConvolution](), Modules[ToRGB]()
        common = {"w_dim": a.w_dim, "clamp": a.conv_clamp}
        for level, outputs in enumerate(a.channels):
            inputs, size = a.channels[max(level - 1, 0)], a.size_at(level)
            if level > 0:
                self.layers.append(StyledConvolution(inputs=inputs, outputs=outputs, size=size, up=True, **common))
            self.layers.append(StyledConvolution(inputs=outputs, outputs=outputs, size=size, up=False, **common))
            self.to_rgb.append(ToRGB(inputs=outputs, **common))

    def styled(self) -> list[StyledConvolution]:
        """``layers`` by their type."""
        return [layer for layer in self.layers if isinstance(layer, StyledConvolution)]

    def colours(self) -> list[ToRGB]:
        """``to_rgb`` by their type."""
        return [layer for layer in self.to_rgb if isinstance(layer, ToRGB)]

    def map(self, z: Tensor) -> Tensor:
        """z (N, z_dim) float32 → w (N, w_dim).

        Raises:
            ValueError: the generator is class-conditional: readers of checkpoints make one of some classes of it.
        """
        if self.architecture.classes:
            raise ValueError(f"codes of {self.architecture.classes} classes; expected a generator of some of them")
        if self.class_bounds is None:
            return self.mapping(z)
        return self.mapping(z[:, :-1], class_rows(z, self.class_bounds))

    def _parts(self) -> Parts:
        layers, to_rgb = self.styled(), self.colours()
        return Parts(self.constant, fold_styles(layers, to_rgb), layers, to_rgb)
