"""Looking into a generator while it draws: what its layers give, and what is left without one of them."""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..networks.stylegan2 import Generator

FIRST_LAYERS = ("constant", "first_convolution")
"""Layers that ``Generator.background`` can switch off."""


def layer_names(generator: Generator) -> tuple[str, ...]:
    """Names of all activations in order: the two first layers, then "8_up", "8", "16_up", "16", …"""
    resolutions = [8 << level for level in range(len(generator.to_rgb) - 1)]
    return (*FIRST_LAYERS, *(f"{r}{kind}" for r in resolutions for kind in ("_up", "")))


@contextlib.contextmanager
def recorded_rgb(generator: Generator) -> Iterator[list[Tensor]]:
    """The ToRGB outputs (N, 3, r, r) of the synthesis in the block, from 4×4 up."""
    outputs = []
    hooks = [m.register_forward_hook(lambda module, args, out: outputs.append(out)) for m in generator.to_rgb]
    try:
        yield outputs
    finally:
        _remove(hooks)


@contextlib.contextmanager
def recorded_activations(generator: Generator) -> Iterator[list[Tensor]]:
    """The activations of the synthesis in the block, in the order of ``layer_names``; all can be differentiated to."""
    activations = []

    def before(module, args):
        # What the weights alone give has no graph; from here on there is one.
        activations.append(args[0].detach().requires_grad_())
        return (activations[0], *args[1:])

    hooks = [generator.layers[0].register_forward_pre_hook(before)]
    hooks += [m.register_forward_hook(lambda module, args, out: activations.append(out)) for m in generator.layers]
    try:
        yield activations
    finally:
        _remove(hooks)


@contextlib.contextmanager
def switched_off(generator: Generator, layer: str) -> Iterator[None]:
    """Zero one layer's activation, all its channels, in the block."""
    index = layer_names(generator).index(layer)
    if index == 0:
        hook = generator.layers[0].register_forward_pre_hook(
            lambda module, args: (torch.zeros_like(args[0]), *args[1:])
        )
    else:
        hook = generator.layers[index - 1].register_forward_hook(_zeroed)
    try:
        yield
    finally:
        hook.remove()


def _zeroed(module: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> Tensor:
    """A hook: zeros in place of what a layer gives."""
    return torch.zeros_like(out)


def _remove(hooks: Sequence[torch.utils.hooks.RemovableHandle]) -> None:
    for hook in hooks:
        hook.remove()
