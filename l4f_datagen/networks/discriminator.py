"""StyleGAN2's discriminator: residual, with the minibatch standard deviation; any size and channels."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import filtering, ops
from .modules import Modules


class EqualizedConvolution(nn.Module):
    """Convolution with equalised learning rate and same padding; without ``bias`` if asked."""

    def __init__(self, *, inputs: int, outputs: int, size: int, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain = 1 / math.sqrt(inputs * size * size)

    def forward(self, x: Tensor, *, stride: int = 1, padding: int | None = None) -> Tensor:
        """x (N, I, H, W) → (N, O, H', W')."""
        padding = self.weight.shape[-1] // 2 if padding is None else padding
        return F.conv2d(x, self.weight * self.gain, self.bias, stride=stride, padding=padding)

    def of_pixels(self, x: Tensor) -> Tensor:
        """The same of size 1, as a product of matrices: the gradients of its gradients are quick too."""
        if not x.is_contiguous(memory_format=torch.channels_last):  # a product would turn all of it round first
            return self(x)
        weight = (self.weight * self.gain)[:, :, 0, 0]
        return F.linear(x.permute(0, 2, 3, 1), weight, self.bias).permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions, the second halving the size, beside a halving 1×1 one; their sum over √2."""

    def __init__(self, *, inputs: int, outputs: int):
        super().__init__()
        self.first = EqualizedConvolution(inputs=inputs, outputs=inputs, size=3)
        self.second = EqualizedConvolution(inputs=inputs, outputs=outputs, size=3)
        self.skip = EqualizedConvolution(inputs=inputs, outputs=outputs, size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, I, H, W) → (N, O, H/2, W/2)."""
        skip = self.skip.of_pixels(filtering.halved(x))
        x = filtering.filtered(ops.leaky_relu(self.first(x)), padding=2)
        x = ops.leaky_relu(self.second(x, stride=2, padding=0))
        return (x + skip) / math.sqrt(2)


class Discriminator(nn.Module):
    """Score of an image: high where it looks real.

    ``channels`` per level, coarse to fine, as in ``GeneratorArchitecture``; ``group`` images share one
    minibatch standard deviation (Karras et al. 2018): samples i, i + N/group, i + 2N/group, ….
    ``coarsest`` are height and width of what is left of an image after all blocks, as of a generator's constant.
    """

    def __init__(self, *, channels: Sequence[int], group: int = 4, coarsest: tuple[int, int] = (4, 4)):
        super().__init__()
        self.channels, self.group, self.coarsest = tuple(channels), group, coarsest
        self.from_rgb = EqualizedConvolution(inputs=3, outputs=channels[-1], size=1)
        self.blocks = Modules[ResidualBlock](
            ResidualBlock(inputs=i, outputs=o) for i, o in zip(channels[:0:-1], channels[-2::-1])
        )
        self.last = EqualizedConvolution(inputs=channels[0] + 1, outputs=channels[0], size=3)
        pixels = coarsest[0] * coarsest[1]
        self.hidden_weight = nn.Parameter(torch.randn(channels[0], pixels * channels[0]))
        self.hidden_bias = nn.Parameter(torch.zeros(channels[0]))
        self.score_weight = nn.Parameter(torch.randn(1, channels[0]))
        self.score_bias = nn.Parameter(torch.zeros(1))

    def shallow(self, image: Tensor) -> Tensor:
        """image (N, 3, H, W), nominally [-1, 1] → what the first of ``blocks`` takes, (N, C, H, W)."""
        return ops.leaky_relu(self.from_rgb(image))

    def forward(self, image: Tensor) -> Tensor:
        """image (N, 3, H, W), nominally [-1, 1] → scores (N,).

        Raises:
            ValueError: another image size, or N is no multiple of the group.
        """
        height, width = (side << len(self.blocks) for side in self.coarsest)
        if tuple(image.shape[1:]) != (3, height, width):
            raise ValueError(f"image has shape {tuple(image.shape)}; expected (N, 3, {height}, {width})")
        x = self.shallow(image)
        for block in self.blocks:
            x = block(x)
        x = torch.cat([x, minibatch_deviation(x, self.group)], 1)
        x = ops.leaky_relu(self.last(x)).flatten(1)
        x = ops.leaky_relu(ops.equalized_linear(x, self.hidden_weight, self.hidden_bias))
        return ops.equalized_linear(x, self.score_weight, self.score_bias)[:, 0]


def minibatch_deviation(x: Tensor, group: int) -> Tensor:
    """Standard deviation over each group, averaged over channels and pixels: (N, C, H, W) → (N, 1, H, W).

    Raises:
        ValueError: N is no multiple of the group.
    """
    count, _, height, width = x.shape
    if count % group:
        raise ValueError(f"{count} images cannot be split into groups of {group}")
    deviation = x.float().unflatten(0, (group, -1)).var(0, correction=0).add(ops.EPSILON).sqrt()
    return deviation.mean((1, 2, 3)).to(x.dtype).repeat(group)[:, None, None, None].expand(-1, 1, height, width)
