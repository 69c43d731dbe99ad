"""A plain UNet (Ronneberger et al. 2015) with batch normalisation and same padding: a supervised segmenter."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UNet(nn.Module):
    """Image → class scores at the image's size.

    ``depth`` halvings; ``width`` channels at full size, doubled with every halving.
    """

    def __init__(self, *, classes: int = 2, depth: int = 3, width: int = 24, inputs: int = 3):
        super().__init__()
        self.depth = depth
        widths = [width << level for level in range(depth + 1)]
        self.down = nn.ModuleList(_double(i, o) for i, o in zip([inputs, *widths[:-1]], widths))
        self.up = nn.ModuleList(_double(widths[j] + widths[j + 1], widths[j]) for j in reversed(range(depth)))
        self.scores = nn.Conv2d(width, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """image (N, inputs, H, W), nominally [-1, 1] → scores (N, classes, H, W) before the softmax.

        Raises:
            ValueError: H or W is no multiple of 2^depth.
        """
        if image.shape[2] % (1 << self.depth) or image.shape[3] % (1 << self.depth):
            raise ValueError(f"image is {image.shape[2]}×{image.shape[3]}; expected multiples of {1 << self.depth}")
        x, passed = self.down[0](image), []
        for block in self.down[1:]:
            passed.append(x)
            x = block(F.max_pool2d(x, 2))
        for block in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([passed.pop(), x], 1))
        return self.scores(x)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers = []
    for i in (inputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
