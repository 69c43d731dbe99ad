"""Twice the resolution: a trained network's blocks, and one more that changes nothing at first."""

import dataclasses
import math

import torch
from torch import Tensor

from . import ops
from .discriminator import Discriminator, EqualizedConvolution, ResidualBlock
from .stylegan2 import Generator

_PAIRS = 6
"""Channels that carry an image through an activation unchanged: each colour and its negative."""


def grown_generator(generator: Generator, channels: int) -> Generator:
    """A generator of twice the resolution; its images are at first the given one's, up-sampled by the skip's filter.

    Args:
        channels: of the new block, which begins at random but for its ToRGB, which is zero.
    """
    old = generator.architecture
    grown = Generator(dataclasses.replace(old, channels=(*old.channels, channels)))
    grown.load_state_dict(generator.state_dict(), strict=False)
    with torch.no_grad():
        last = grown.colours()[-1]
        last.weight.zero_()
        last.bias.zero_()
    return grown


def grown_discriminator(discriminator: Discriminator, channels: int) -> Discriminator:
    """A discriminator of twice the resolution; its scores are at first the given one's of the halved images.

    The images are halved by the discriminator's own filter. The new block's skip path is zero; its other path
    carries colours and their negatives, of whose activations the colours are put together again, and its last
    convolution is the given network's FromRGB. With fewer than six channels there is no room for that, and the block
    begins at random.

    Args:
        channels: of the new block.
    """
    grown = Discriminator(
        channels=(*discriminator.channels, channels), group=discriminator.group, coarsest=discriminator.coarsest
    )
    kept = {k: v for k, v in discriminator.state_dict().items() if not k.startswith(("from_rgb.", "blocks."))}
    for name, tensor in discriminator.state_dict().items():
        if name.startswith("blocks."):
            _, number, rest = name.split(".", 2)
            kept[f"blocks.{int(number) + 1}.{rest}"] = tensor
    grown.load_state_dict(kept, strict=False)
    if channels >= _PAIRS:
        with torch.no_grad():
            _carry_colours(grown, discriminator)
    return grown


def _carry_colours(grown: Discriminator, old: Discriminator) -> None:
    block, read = grown.blocks[0], _colours_of_pairs()
    assert isinstance(block, ResidualBlock) and old.from_rgb.bias is not None and block.second.bias is not None
    signs = torch.cat([torch.eye(3), -torch.eye(3)])
    # Colours and their negatives, in the first six channels.
    _set(grown.from_rgb, 0, signs)
    # The same after the first convolution's activation: its centre reads the colours and parts them again.
    _set(block.first, 1, signs @ read)
    # The old FromRGB, of filtered and halved colours. √2 against the division by √2 of the block's sum.
    outputs = old.from_rgb.weight.shape[0]
    old_weight = old.from_rgb.weight[:, :, 0, 0] * old.from_rgb.gain
    block.second.weight.zero_()
    block.second.weight[:outputs, :_PAIRS, 1, 1] = math.sqrt(2) * (old_weight @ read) / block.second.gain
    block.second.bias.copy_(math.sqrt(2) * old.from_rgb.bias)
    block.skip.weight.zero_()


def _set(layer: EqualizedConvolution, tap: int, matrix: Tensor) -> None:
    """Make the first six outputs of a convolution a matrix (6, I) of its first I inputs, at one tap."""
    inputs = matrix.shape[1]
    assert layer.bias is not None, "its outputs have biases"
    layer.weight[:_PAIRS] = 0
    layer.weight[:_PAIRS, :inputs, tap, tap] = matrix / layer.gain
    layer.bias[:_PAIRS] = 0


def _colours_of_pairs() -> Tensor:
    """Colours from activations of colours and their negatives, (3, 6): f(a) − f(−a) = √2·(1 + 0.2)·a."""
    return torch.cat([torch.eye(3), -torch.eye(3)], 1) / (ops.ACTIVATION_GAIN * (1 + ops.LEAKY_SLOPE))
