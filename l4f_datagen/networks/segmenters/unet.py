"""UNet (Ronneberger et al. 2015) with batch normalisation and same padding."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..segmenter import Segmenter


class UNet(Segmenter):
    """A UNet: ``depth`` halvings; ``width`` channels at full size, doubled with every halving."""

    name = "unet"

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
        self.down = nn.ModuleList(_double(i, o) for i, o in zip([inputs, *widths[:-1]], widths))
        self.up = nn.ModuleList(_double(widths[j] + widths[j + 1], widths[j]) for j in reversed(range(depth)))
        self.scores = nn.Conv2d(width, classes, 1)

    @property
    def architecture(self) -> dict[str, Any]:
        return {"classes": self.classes, "depth": self.depth, "width": self.width, "inputs": self.inputs}

    def forward(self, image: Tensor) -> Tensor:
        x, passed = self.down[0](image), []
        for block in self.down[1:]:
            passed.append(x)
            # Odd sizes are halved upwards, so that one pixel stays one.
            x = block(F.max_pool2d(x, 2, ceil_mode=True))
        for block in self.up:
            finer = passed.pop()
            x = F.interpolate(x, size=finer.shape[2:], mode="bilinear", align_corners=False)
            x = block(torch.cat([finer, x], 1))
        return self.scores(x)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers = []
    for i in (inputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
