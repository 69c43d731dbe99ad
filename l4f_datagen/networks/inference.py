"""Generators that are only looked at: from a trainable network to an immutable one, in one explicit step.

What follows from the weights alone is worked out once. Nothing is looked up again in the network that it was made
from, so that it does not matter how, and whether noticed or not, an optimiser changes that one afterwards.
"""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from .folding import FoldedConvolution, FoldedStyles, FoldedToRGB, fold_convolution, fold_styles
from .stylegan2 import Generator, class_rows, map_codes
from .synthesis import GeneratorArchitecture, Parts, Synthesis


@dataclass(frozen=True, kw_only=True, eq=False)
class InferenceGenerator(Synthesis):
    """A generator as ``Generator`` is one, of tensors of its own that nobody changes; none requires gradients.

    Gradients with respect to codes flow through it where they are asked for.
    """

    architecture: GeneratorArchitecture
    mapping: tuple[tuple[Tensor, ...], tuple[Tensor, ...]]
    """Weights and biases."""
    w_avg: Tensor
    constant: Tensor
    styles: FoldedStyles
    layers: tuple[FoldedConvolution, ...]
    to_rgb: tuple[FoldedToRGB, ...]
    class_bounds: Tensor | None = None
    """Where codes say their class, what tells the classes apart."""

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.w_avg.device

    def map(self, z: Tensor) -> Tensor:
        """z (N, z_dim) float32 → w (N, w_dim)."""
        weights, biases = self.mapping
        if self.class_bounds is None:
            return map_codes(z, weights, biases)
        return map_codes(z[:, :-1], weights, (biases[0][class_rows(z, self.class_bounds)], *biases[1:]))

    def _parts(self) -> Parts:
        return Parts(self.constant, self.styles, self.layers, self.to_rgb)


def freeze(generator: Generator, device: torch.device | str | None = None) -> InferenceGenerator:
    """An immutable copy of a generator as it is now.

    Args:
        device: where to put it; default: where the generator is.
    """
    device = generator.w_avg.device if device is None else torch.device(device)
    # Outside inference mode: a tensor made there could not be differentiated through, and callers may want to.
    with torch.inference_mode(False), torch.no_grad():

        def own(tensor: Tensor) -> Tensor:
            return tensor.detach().to(device, copy=True)

        layers = []
        for layer in generator.styled():
            folded = fold_convolution(
                weight=own(layer.weight), bias=own(layer.bias), noise=own(layer.noise),
                noise_strength=own(layer.noise_strength), up=layer.up, clamp=layer.clamp, keep_shift=True,
            )  # fmt: skip
            layers.append(folded)
        colours = generator.colours()
        to_rgb = [FoldedToRGB(weight=own(rgb.weight), bias=own(rgb.bias), clamp=rgb.clamp) for rgb in colours]
        styles = fold_styles(generator.styled(), colours)
        mapping = generator.mapping
        return InferenceGenerator(
            architecture=generator.architecture,
            mapping=(tuple(map(own, mapping.weights)), tuple(map(own, mapping.biases))),
            w_avg=own(generator.w_avg),
            constant=own(generator.constant),
            styles=dataclasses.replace(styles, affine=own(styles.affine), bias=own(styles.bias)),
            layers=tuple(layers),
            to_rgb=tuple(to_rgb),
            class_bounds=None if generator.class_bounds is None else own(generator.class_bounds),
        )
