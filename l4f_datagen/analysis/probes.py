"""Looking into a generator while it draws: what its layers give, and what is left without one of them."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..networks.folding import Noise
from ..networks.synthesis import Layer, Parts, Synthesis

FIRST_LAYERS = ("constant", "first_convolution")
"""Layers that ``Synthesis.background`` can switch off."""


class Probed(Synthesis):
    """A generator that is looked at, or changed, while it draws; the one that it was made of stays as it is."""

    def __init__(self, generator: Synthesis, change: Callable[[Parts], Parts]):
        self.architecture, self.w_avg = generator.architecture, generator.w_avg
        self._generator, self._change = generator, change

    def map(self, z: Tensor) -> Tensor:
        """z (N, z_dim) float32 → w (N, w_dim)."""
        return self._generator.map(z)

    def _parts(self) -> Parts:
        return self._change(self._generator._parts())


def layer_names(generator: Synthesis) -> tuple[str, ...]:
    """Names of all activations in order: the two first layers, then "8_up", "8", "16_up", "16", …"""
    resolutions = [8 << level for level in range(len(generator.architecture.channels) - 1)]
    return (*FIRST_LAYERS, *(f"{r}{kind}" for r in resolutions for kind in ("_up", "")))


def recorded_rgb(generator: Synthesis) -> tuple[Probed, list[Tensor]]:
    """A generator that leaves its ToRGB outputs (N, 3, r, r), from 4×4 up, and where it leaves them."""
    outputs: list[Tensor] = []

    def recording(to_rgb: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        def give(x: Tensor, style: Tensor) -> Tensor:
            outputs.append(to_rgb(x, style))
            return outputs[-1]

        return give

    return Probed(generator, lambda parts: parts._replace(to_rgb=[recording(one) for one in parts.to_rgb])), outputs


def recorded_activations(generator: Synthesis) -> tuple[Probed, list[Tensor]]:
    """A generator that leaves its activations, in the order of ``layer_names``, and where it leaves them.

    All of one pass can be differentiated to.
    """
    activations: list[Tensor] = []

    def change(parts: Parts) -> Parts:
        def first(x: Tensor, style: Tensor, noise: Noise, spent: bool) -> Tensor:
            # What the weights alone give has no graph; from here on there is one.
            activations.append(x.detach().requires_grad_())
            return parts.layers[0](activations[-1], style, noise, False)

        def recording(layer: Layer) -> Layer:
            def give(x: Tensor, style: Tensor, noise: Noise, spent: bool) -> Tensor:
                activations.append(layer(x, style, noise, False))  # which overwrites nothing that is recorded
                return activations[-1]

            return give

        return parts._replace(layers=[recording(layer) for layer in (first, *parts.layers[1:])])

    return Probed(generator, change), activations


def switched_off(generator: Synthesis, layer: str) -> Probed:
    """A generator in which one layer's activation is zero, all its channels."""
    index = layer_names(generator).index(layer)

    def change(parts: Parts) -> Parts:
        layers = list(parts.layers)
        if index == 0:
            return parts._replace(constant=torch.zeros_like(parts.constant))
        off = layers[index - 1]
        layers[index - 1] = lambda x, style, noise, spent: torch.zeros_like(off(x, style, noise, spent))
        return parts._replace(layers=layers)

    return Probed(generator, change)
