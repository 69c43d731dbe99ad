"""A layered generator (Bielski and Favaro 2019): a foreground with its mask, and a background, each drawn by itself."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.alpha import AlphaNetwork
from ...networks.stylegan2 import Generator

_FIRST_LEVEL = 1
"""The mask looks at features from 8 px on."""


class Layers(nn.Module):
    """Two generators that learn together; the mask is made of the features of the foreground's."""

    def __init__(self, foreground: Generator, background: Generator):
        super().__init__()
        self.foreground, self.background = foreground, background
        self.alpha = AlphaNetwork(foreground.architecture.channels[_FIRST_LEVEL:])


def shifted(layers: Tensor, shifts: Sequence[tuple[int, int]]) -> Tensor:
    """Layers (N, C, H, W), each moved by whole pixels down and to the right; zero where nothing was."""
    reach = max(abs(step) for shift in shifts for step in shift)
    if not reach:
        return layers
    height, width = layers.shape[2:]
    padded = F.pad(layers, (reach,) * 4)
    return torch.stack([
        one[:, reach - down : reach - down + height, reach - right : reach - right + width]
        for one, (down, right) in zip(padded, shifts, strict=True)
    ])  # fmt: skip


def with_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Images (N, 3, H, W) whose differences from their own mean colour are multiplied by ``factors`` (N,)."""
    return torch.lerp(images.mean((2, 3), keepdim=True), images, factors[:, None, None, None])
