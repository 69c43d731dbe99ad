"""The encoders of pSp (Richardson et al. 2021) and e4e (Tov et al. 2021), by the names that their files have."""

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Heads = Literal["pyramid", "offsets", "w", "w+"]
"""What makes codes of features: a head for each layer (pSp), a head for all layers and one for what each differs by
(e4e), or one linear layer behind the last features, into W or W+ (pSp's two plainer ones)."""
_SIDE = 256
"""Height and width in pixels of the images that it looks at."""
_BLOCKS = (3, 4, 14, 3)
"""Residual blocks of each stage: an IR-SE50."""
_FINE, _MIDDLE = 6, 20
"""The blocks, from 0, behind which features are kept for the heads of fine and of middle layers."""
_COARSE_HEADS, _MIDDLE_HEADS = 3, 7
"""The first heads look at the coarsest features, those up to the seventh at the middle ones."""
_HALVINGS = (4, 5, 6)
"""How often a head halves coarse (16 px), middle (32 px) and fine (64 px) features until one pixel is left."""
_SQUEEZE = 16
_GRID = 7
"""Height and width that features are brought to before the linear layers into W+."""


class StyleEncoder(nn.Module):
    """An IR-SE50 and heads: an image → one code for each layer of the generator, or one for all of them.

    ``num_ws`` is 1 for heads into W. ``width`` is the first stage's channels, 64 in all published files. The buffer
    ``latent_avg`` (num_ws, w_dim) is what its answers are differences from: the generator's mean code, or 0.
    """

    latent_avg: Tensor

    def __init__(self, *, heads: Heads, num_ws: int, w_dim: int, width: int = 64):
        super().__init__()
        self.heads, self.num_ws, self.w_dim, self.width = heads, num_ws, w_dim, width
        stages = [width, 2 * width, 4 * width, 8 * width]
        self.input_layer = nn.Sequential(_conv(3, width), nn.BatchNorm2d(width), nn.PReLU(width))
        blocks, before = [], width
        for channels, count in zip(stages, _BLOCKS, strict=True):
            blocks += [
                _Block(before if index == 0 else channels, channels, 2 - min(index, 1)) for index in range(count)
            ]
            before = channels
        self.body = nn.Sequential(*blocks)
        if heads in ("pyramid", "offsets"):
            self.styles = nn.ModuleList(_Head(before, w_dim, _HALVINGS[_scale(index)]) for index in range(num_ws))
            self.latlayer1 = nn.Conv2d(stages[2], before, 1)
            self.latlayer2 = nn.Conv2d(stages[1], before, 1)
        else:
            if heads == "w+":
                self.output_layer_2 = nn.Sequential(
                    nn.BatchNorm2d(before), nn.AdaptiveAvgPool2d(_GRID), nn.Flatten(),
                    nn.Linear(before * _GRID * _GRID, w_dim),
                )  # fmt: skip
            self.linear = _Scaled(w_dim if heads == "w+" else before, num_ws * w_dim)
        self.register_buffer("latent_avg", torch.zeros(num_ws, w_dim))

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]], *, offsets: bool) -> "StyleEncoder":
        """The network that a state dict's shapes tell, without its values.

        Args:
            offsets: of two networks with the same names and shapes it is e4e's, whose heads give differences.

        Raises:
            KeyError, IndexError, ValueError, ZeroDivisionError: these are no shapes of such an encoder.
        """
        width = shapes["input_layer.0.weight"][0]
        if "styles.0.linear.weight" in shapes:
            count = len({name.split(".")[1] for name in shapes if name.startswith("styles.")})
            w_dim = shapes["styles.0.linear.weight"][0]
            return cls(heads="offsets" if offsets else "pyramid", num_ws=count, w_dim=w_dim, width=width)
        numbers = shapes["linear.weight"][0]
        if "output_layer_2.3.weight" in shapes:
            w_dim = shapes["output_layer_2.3.weight"][0]
            return cls(heads="w+", num_ws=numbers // w_dim, w_dim=w_dim, width=width)
        return cls(heads="w", num_ws=1, w_dim=numbers, width=width)

    def forward(self, image: Tensor) -> Tensor:
        """image (N, 3, H, W), nominally [-1, 1], of any size → w+ (N, num_ws, w_dim)."""
        if image.shape[2:] != (_SIDE, _SIDE):
            image = _resized(image)
        x, kept = self.input_layer(image), []
        for index, block in enumerate(self.body):
            x = block(x)
            if index in (_FINE, _MIDDLE):
                kept.append(x)
        if self.heads == "w":
            codes = self.linear(x.mean((2, 3)))
        elif self.heads == "w+":
            codes = self.linear(self.output_layer_2(x))
        else:
            codes = self._of_pyramid(x, *kept)
        return self.latent_avg + codes.reshape(len(image), self.num_ws, self.w_dim)

    def _of_pyramid(self, coarse: Tensor, fine: Tensor, middle: Tensor) -> Tensor:
        middle = _enlarged(coarse, self.latlayer1(middle))
        maps = (coarse, middle, _enlarged(middle, self.latlayer2(fine)))
        codes = torch.stack([head(maps[_scale(index)]) for index, head in enumerate(self.styles)], 1)
        if self.heads == "offsets":
            codes = torch.cat((codes[:, :1], codes[:, :1] + codes[:, 1:]), 1)
        return codes


class _Block(nn.Module):
    """A residual block with squeeze and excitation (ArcFace's IR-SE)."""

    def __init__(self, before: int, channels: int, stride: int):
        super().__init__()
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if before != channels:
            self.shortcut_layer = nn.Sequential(_conv(before, channels, stride, side=1), nn.BatchNorm2d(channels))
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(before), _conv(before, channels), nn.PReLU(channels), _conv(channels, channels, stride),
            nn.BatchNorm2d(channels), _Excitation(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


class _Excitation(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        inner = max(1, channels // _SQUEEZE)
        self.fc1, self.fc2 = nn.Conv2d(channels, inner, 1, bias=False), nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class _Head(nn.Module):
    """Features halved until one pixel is left, then one code."""

    def __init__(self, before: int, w_dim: int, halvings: int):
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(halvings):
            layers += [nn.Conv2d(w_dim if index else before, w_dim, 3, 2, 1), nn.LeakyReLU()]
        self.convs, self.linear = nn.Sequential(*layers), _Scaled(w_dim, w_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.convs(x).flatten(1))


class _Scaled(nn.Module):
    """A linear layer with equalised learning rate: its weights are divided by the root of its inputs."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(after, before)), nn.Parameter(torch.zeros(after))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight / self.weight.shape[1] ** 0.5, self.bias)


def _conv(before: int, channels: int, stride: int = 1, *, side: int = 3) -> nn.Conv2d:
    return nn.Conv2d(before, channels, side, stride, side // 2, bias=False)


def _scale(index: int) -> int:
    """Which features a head looks at: 0 coarse, 1 middle, 2 fine."""
    return (index >= _COARSE_HEADS) + (index >= _MIDDLE_HEADS)


def _resized(image: Tensor) -> Tensor:
    """At the side that the network looks at: means over what is larger, as pSp pools, else interpolated."""
    size = (_SIDE, _SIDE)
    if min(image.shape[2:]) > _SIDE:
        return F.interpolate(image, size=size, mode="area")
    return F.interpolate(image, size=size, mode="bilinear", align_corners=False)


def _enlarged(x: Tensor, to: Tensor) -> Tensor:
    """Features at the size of finer ones, added to them."""
    return F.interpolate(x, size=to.shape[2:], mode="bilinear", align_corners=True) + to
