"""The convolutions of ResNet-18 (He et al. 2016), which give features at several scales."""

import torch.nn.functional as F
from torch import Tensor, nn

from .. import ops

PUBLISHED_WIDTH = 64
_STEM_SIZES = ((96, 1), (192, 2))
"""Sizes up to which a stem is chosen; larger images get the published one, 4."""


def stem_for(stem: int | str, size: int) -> int:
    """The stem for images of ``size`` pixels where it is "auto"; small images cannot afford to be reduced."""
    if isinstance(stem, int):
        return stem
    return next((stem for limit, stem in _STEM_SIZES if size <= limit), 4)


class ResNet18(nn.Module):
    """ResNet-18 without its classifier; ``width`` channels in the first stage, 64 in the published one.

    ``stem`` is what the image is reduced by before the first stage: 4 as published, 2 without the pooling, 1 without
    the first stride too. The tensors are the same for all three.
    """

    def __init__(self, *, width: int = PUBLISHED_WIDTH, stem: int = 4):
        super().__init__()
        if stem not in (1, 2, 4):
            raise ValueError(f"stem {stem}; expected 1, 2 or 4")
        self.stem = stem
        self.conv1 = nn.Conv2d(3, width, 7, stride=1 if stem == 1 else 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, stride=1)
        self.layer2 = _stage(width, 2 * width, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, stride=2)
        self.layer4 = _stage(4 * width, 8 * width, stride=2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features at 2, 4 and 8 times the stem's reduction (1/8, 1/16 and 1/32 as published), finest first."""
        _, _, fine, middle, coarse = self.scales(image)
        return fine, middle, coarse

    def scales(self, image: Tensor) -> tuple[Tensor, ...]:
        """Features after the first convolution and after each of four stages, finest first.

        They have the image's size over 2, 4, 8, 16 and 32 as published; with the stem 2 over 2, 2, 4, 8 and 16; with
        the stem 1 over 1, 1, 2, 4 and 8.
        """
        first = F.relu(self.bn1(self.conv1(image)), inplace=True)
        x = F.max_pool2d(first, 3, stride=2, padding=1) if self.stem == 4 else first
        found = [first]
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            found.append(x)
        return tuple(found)


class _Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, *, stride: int):
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        # A 1×1 convolution of stride 2 looks at every other pixel. Leaving the others out beforehand is the same, and
        # keeps off oneDNN's own, whose gradient writes outside its memory for 8 channels (channels last, torch 2.13).
        shortcut = x if self.downsample is None else self.downsample(_every(x, self.stride))
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)) + shortcut, inplace=True)


def _every(x: Tensor, stride: int) -> Tensor:
    """Every ``stride``-th pixel along both axes."""
    if ops.learns_on_cpu(x):  # means over single pixels: they pass gradients back in x's order of memory, slices do not
        return F.avg_pool2d(x, 1, stride)
    return x[:, :, ::stride, ::stride]


def _stage(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(_Block(inputs, outputs, stride=stride), _Block(outputs, outputs, stride=1))
