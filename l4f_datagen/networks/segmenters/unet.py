"""UNet (Ronneberger et al. 2015) with batch normalisation and same padding."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import ops
from ..modules import Modules
from ..segmenter import Segmenter

_MOST_HALVINGS = 10


class UNet(Segmenter):
    """A UNet: ``depth`` halvings; ``width`` channels at full size, doubled with every halving."""

    name = "unet"
    title = "UNet"
    signs = ("down.0.0.weight", "scores.weight")

    def __init__(
        self,
        *,
        classes: int = 2,
        depth: int = 3,
        width: int = 24,
        inputs: int = 3,
        foreground: Sequence[int] | None = None,
        size: int | None = None,
    ):
        super().__init__(classes=classes, foreground=foreground, size=size)
        self.depth, self.width, self.inputs = depth, width, inputs
        widths = [width << level for level in range(depth + 1)]
        self.down = Modules[nn.Sequential](double(i, o) for i, o in zip([inputs, *widths[:-1]], widths))
        self.up = Modules[nn.Sequential](double(widths[j] + widths[j + 1], widths[j]) for j in reversed(range(depth)))
        self.scores = nn.Conv2d(width, classes, 1)

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        width, inputs = shapes["down.0.0.weight"][:2]
        depth = sum(name.startswith("up.") and name.endswith(".0.weight") for name in shapes)
        if not 0 < depth <= _MOST_HALVINGS:
            raise ValueError(f"a UNet of {depth} halvings")
        return {"classes": shapes["scores.weight"][0], "width": width, "depth": depth, "inputs": inputs}

    @classmethod
    def of_settings(cls, settings: Any, size: int) -> dict[str, Any]:
        return {"depth": settings.depth}

    @property
    def architecture(self) -> dict[str, Any]:
        return {"classes": self.classes, "depth": self.depth, "width": self.width, "inputs": self.inputs}

    def forward(self, image: Tensor) -> Tensor:
        *passed, x = self._halved(image)
        for block in self.up:
            finer = passed.pop()
            x = block(torch.cat([finer, ops.spread(x, finer.shape[2:])], 1))
        return self.scores(x)

    def deepest(self, image: Tensor) -> Tensor:
        *_, x = self._halved(image)
        return x

    def _halved(self, image: Tensor) -> Iterator[Tensor]:
        """The features at full size and at each halving."""
        x = self.down[0](image)
        yield x
        for block in list(self.down)[1:]:
            # Odd sizes are halved upwards, so that one pixel stays one.
            x = block(F.max_pool2d(x, 2, ceil_mode=True))
            yield x


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions at one scale, each with batch normalisation and ReLU."""
    layers = []
    for i in (inputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
