"""An encoder: images → codes w+ from which a generator draws them (pSp, Richardson et al. 2021)."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import ops
from ..backbones.resnet import ResNet18

_GRID = 4
"""Height and width that the features of every scale are brought to."""
_MOST_SIDE = 256
"""Larger images are made smaller first, as pSp does: codes hold less than more pixels say."""


class Encoder(nn.Module):
    """Features at three scales of a small ResNet → one code for all layers, and what each layer's differs by from it.

    ``num_ws`` and ``w_dim`` are those of the generator, ``size`` is its images' height and width in pixels, ``width``
    the channels of the first stage. ``generator`` is the SHA-256 of the generator that the codes are for.
    """

    centre: Tensor
    """The generator's mean code, (w_dim)."""
    spread: Tensor
    """Standard deviation of its codes, a number."""

    def __init__(self, *, num_ws: int, w_dim: int, size: int, width: int = 32, hidden: int = 512, generator: str = ""):
        super().__init__()
        self.num_ws, self.w_dim, self.size, self.width, self.hidden = num_ws, w_dim, size, width, hidden
        self.generator = generator
        self.trunk = ResNet18(width=width, stem=2 if min(size, _MOST_SIDE) <= 64 else 4)
        self.join = nn.Linear(14 * width * _GRID * _GRID, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.base = nn.Linear(hidden, w_dim)
        self.offsets = nn.Linear(hidden, num_ws * w_dim)
        for layer in (self.base, self.offsets):  # it begins with the mean code
            nn.init.zeros_(layer.bias)
            nn.init.normal_(layer.weight, std=1e-3)
        self.register_buffer("centre", torch.zeros(w_dim))
        self.register_buffer("spread", torch.ones(()))

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
        """The keyword arguments of the class that a state dict's shapes tell: all but ``size`` and ``generator``.

        Raises:
            KeyError, IndexError, ValueError, ZeroDivisionError: these are no shapes of an encoder.
        """
        w_dim, hidden = shapes["base.weight"]
        return {
            "num_ws": shapes["offsets.weight"][0] // w_dim, "w_dim": w_dim, "hidden": hidden,
            "width": shapes["trunk.conv1.weight"][0],
        }  # fmt: skip

    @property
    def architecture(self) -> dict[str, Any]:
        """What makes the same network again: keyword arguments of the class."""
        names = ("num_ws", "w_dim", "size", "width", "hidden", "generator")
        return {name: getattr(self, name) for name in names}

    def forward(self, image: Tensor) -> Tensor:
        """image (N, 3, H, W), nominally [-1, 1], of any size → w+ (N, num_ws, w_dim)."""
        side = min(self.size, _MOST_SIDE)
        if image.shape[2] > side:
            image = F.interpolate(image, size=(side, side), mode="area")
        maps = [ops.orderly(F.adaptive_avg_pool2d(x, _GRID)).flatten(1) for x in self.trunk(image)]
        x = F.relu(self.norm(self.join(torch.cat(maps, 1))))
        code = self.base(x)[:, None] + self.offsets(x).unflatten(1, (self.num_ws, self.w_dim))
        return self.centre + self.spread * code
