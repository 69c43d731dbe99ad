"""A UNet whose halving side is ResNet-18, so that it can begin with what a classifier of ImageNet has learned."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from .. import ops
from ..backbones.imagenet import Normalisation
from ..backbones.resnet import PUBLISHED_WIDTH, ResNet18, stem_for
from ..modules import Modules
from ..segmenter import Segmenter
from .unet import double


class ResNetUNet(Segmenter):
    """A UNet on ResNet-18. ``width`` and ``stem`` are those of ResNet-18; all other widths follow from the former.

    On the way up, features are spread to the next finer scale and joined with the encoder's there; the last step goes
    to the image's size with half of ``width``.
    """

    name = "unet-resnet18"
    title = "UNet on ResNet-18"
    signs = ("encoder.conv1.weight", "finest.0.weight", "scores.weight")
    unsaid = MappingProxyType({"stem": 4})

    def __init__(
        self,
        *,
        classes: int = 2,
        width: int = PUBLISHED_WIDTH,
        stem: int = 4,
        foreground: Sequence[int] | None = None,
        size: int | None = None,
    ):
        super().__init__(classes=classes, foreground=foreground, size=size)
        self.width, self.stem = width, stem
        self.normalise = Normalisation()
        self.encoder = ResNet18(width=width, stem=stem)
        joined = (4 * width, 2 * width, width, width)
        below = (8 * width, *joined[:-1])
        self.up = Modules[nn.Sequential](double(i + o, o) for i, o in zip(below, joined, strict=True))
        self.finest = double(width, max(1, width // 2))
        self.scores = nn.Conv2d(max(1, width // 2), classes, 1)

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        return {"classes": shapes["scores.weight"][0], "width": shapes["encoder.conv1.weight"][0]}

    @classmethod
    def of_settings(cls, settings: Any, size: int) -> dict[str, Any]:
        return {"stem": stem_for(settings.stem, size)}

    @property
    def architecture(self) -> dict[str, Any]:
        return {"classes": self.classes, "width": self.width, "stem": self.stem}

    @property
    def pretrainable(self) -> nn.Module:
        return self.encoder

    def forward(self, image: Tensor) -> Tensor:
        *passed, x = self.encoder.scales(self.normalise(image))
        for block in self.up:
            finer = passed.pop()
            x = block(torch.cat([finer, _spread(x, finer)], 1))
        return self.scores(self.finest(_spread(x, image)))

    def deepest(self, image: Tensor) -> Tensor:
        return self.encoder.scales(self.normalise(image))[-1]


def _spread(x: Tensor, like: Tensor) -> Tensor:
    if x.shape[2:] == like.shape[2:]:
        return x
    return ops.spread(x, like.shape[2:])
