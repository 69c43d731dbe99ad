"""BiSeNet (Yu et al. 2018) on ResNet-18, in the form that the published face-parsing network has.

The features at the finest of three scales stand in for the spatial path.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import ops
from ..backbones.imagenet import Normalisation
from ..backbones.resnet import PUBLISHED_WIDTH, ResNet18, stem_for
from ..segmenter import Segmenter


class BiSeNet(Segmenter):
    """BiSeNet. ``width`` and ``stem`` are ResNet-18's; all other widths follow from the former.

    As published (64, 4) it decides at an eighth of the image's size; ``stem`` 1 is for small images. Scores are spread
    to that size with their corners on its corners, as published, or with ``align_corners`` False pixel over pixel.
    """

    name = "bisenet"
    title = "BiSeNet"
    signs = ("backbone.conv1.weight", "output.scores.weight")
    unsaid = MappingProxyType({"stem": 4, "align_corners": True})

    def __init__(
        self,
        *,
        classes: int = 2,
        width: int = PUBLISHED_WIDTH,
        stem: int = 4,
        align_corners: bool = True,
        foreground: Sequence[int] | None = None,
        size: int | None = None,
    ):
        super().__init__(classes=classes, foreground=foreground, size=size)
        self.width, self.stem, self.align_corners = width, stem, align_corners
        self.backbone = ResNet18(width=width, stem=stem)
        self.context = _ConvNorm(8 * width, 2 * width, kernel=1)
        self.refine_coarse = _Refinement(8 * width, 2 * width)
        self.refine_middle = _Refinement(4 * width, 2 * width)
        self.merge_coarse = _ConvNorm(2 * width, 2 * width)
        self.merge_middle = _ConvNorm(2 * width, 2 * width)
        self.fusion = _Fusion(4 * width)
        self.output = _Output(4 * width, 4 * width, classes)
        self.output_fine = _Output(2 * width, width, classes)
        self.output_middle = _Output(2 * width, width, classes)
        self.normalise = Normalisation()

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        return {"classes": shapes["output.scores.weight"][0], "width": shapes["backbone.conv1.weight"][0]}

    @classmethod
    def of_settings(cls, settings: Any, size: int) -> dict[str, Any]:
        # Aligned corners shift scores by another distance at every pixel, which a convolution cannot make up for.
        return {"stem": stem_for(settings.stem, size), "align_corners": False}

    @property
    def architecture(self) -> dict[str, Any]:
        own = {"width": self.width, "stem": self.stem, "align_corners": self.align_corners}
        return {"classes": self.classes, **own}

    @property
    def pretrainable(self) -> nn.Module:
        return self.backbone

    def forward(self, image: Tensor) -> Tensor:
        fine, context_fine, _ = self._features(image)
        return self._at_size(self.output(self.fusion(fine, context_fine)), image)

    def deepest(self, image: Tensor) -> Tensor:
        return self.backbone(self.normalise(image))[-1]

    def heads(self, image: Tensor) -> tuple[Tensor, ...]:
        """Scores of the main head and of the two that help in training, on the context at 1/8 and 1/16."""
        fine, context_fine, context_middle = self._features(image)
        scores = (
            self.output(self.fusion(fine, context_fine)),
            self.output_fine(context_fine),
            self.output_middle(context_middle),
        )
        return tuple(self._at_size(score, image) for score in scores)

    def _features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The finest features and the context, at that scale and at the next."""
        # [-1, 1] → ImageNet's mean and deviation, which the published weights expect.
        fine, middle, coarse = self.backbone(self.normalise(image))
        context = self.refine_coarse(coarse) + self.context(_pixels_mean(coarse))
        context_middle = self.merge_coarse(_spread(context, middle))
        context = self.refine_middle(middle) + context_middle
        return fine, self.merge_middle(_spread(context, fine)), context_middle

    def _at_size(self, scores: Tensor, image: Tensor) -> Tensor:
        return F.interpolate(scores, size=image.shape[2:], mode="bilinear", align_corners=self.align_corners)


class _ConvNorm(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


class _Refinement(nn.Module):
    """Attention refinement: channels weighed by what the whole image holds."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = _ConvNorm(inputs, outputs)
        self.attention = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.attention_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.attention_norm(self.attention(_pixels_mean(x))))


class _Fusion(nn.Module):
    """Feature fusion: both paths mixed, then channels weighed."""

    def __init__(self, width: int):
        super().__init__()
        self.mix = _ConvNorm(width, width, kernel=1)
        self.squeeze = nn.Conv2d(width, max(1, width // 4), 1, bias=False)
        self.excite = nn.Conv2d(max(1, width // 4), width, 1, bias=False)

    def forward(self, fine: Tensor, context: Tensor) -> Tensor:
        x = self.mix(torch.cat([fine, context], 1))
        weight = F.relu(self.squeeze(_pixels_mean(x)), inplace=True)
        return x + x * torch.sigmoid(self.excite(weight))


class _Output(nn.Module):
    """Features → class scores at their size."""

    def __init__(self, inputs: int, middle: int, classes: int):
        super().__init__()
        self.conv = _ConvNorm(inputs, middle)
        self.scores = nn.Conv2d(middle, classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.conv(x))


def _pixels_mean(x: Tensor) -> Tensor:
    """(N, C, H, W) → (N, C, 1, 1).

    A sum passes back one number per channel; a mean writes it for every pixel, in another order of memory than x's.
    Half precision could not hold the sum.
    """
    if ops.learns_on_cpu(x) and x.dtype == torch.float32:
        return x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3])
    return x.mean((2, 3), keepdim=True)


def _spread(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="nearest")
