"""Images as networks that were trained on ImageNet want them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet's pixels in [0, 1], red, green and blue."""


class Normalisation(nn.Module):
    """Images in [-1, 1] → (image − mean) / std, both of images in [0, 1]. A state dict has nothing of it."""

    def __init__(self, mean: Sequence[float] = MEAN, std: Sequence[float] = STD):
        super().__init__()
        self.gain: Tensor
        self.offset: Tensor
        means, stds = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
        self.register_buffer("gain", 0.5 / stds, persistent=False)
        self.register_buffer("offset", (0.5 - means) / stds, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """image (N, 3, H, W), nominally [-1, 1]."""
        return image * self.gain + self.offset
