"""The alpha network A of Labels4Free (3.1): soft masks from the features of a frozen generator."""

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import ops, zeroed
from .modules import Modules
from .zeroed import ZeroedChannels

MAPS = 3
"""Channels that each feature map is reduced to; a level has two maps."""


class AlphaNetwork(nn.Module):
    """1×1 convolutions on the last levels of a generator, merged from coarse to fine.

    ``channels`` are the feature channels of its levels, from the first resolution that it looks at
    to the generator's own; at least two levels. Beside its weights it keeps which of the generator's channels were
    zeroed for the backgrounds that it learned with, if single ones were.
    """

    def __init__(self, channels: Sequence[int], *, zeroed_channels: ZeroedChannels | None = None):
        super().__init__()
        if len(channels) < 2:
            raise ValueError(f"an alpha network has at least two levels, got channels {tuple(channels)}")
        self.channels = tuple(channels)
        self.reduce_first = Modules[nn.Conv2d](nn.Conv2d(c, MAPS, 1) for c in channels)
        self.reduce_second = Modules[nn.Conv2d](nn.Conv2d(c, MAPS, 1) for c in channels)
        self.merge = Modules[nn.Conv2d](nn.Conv2d(4 * MAPS, 2 * MAPS, 1) for _ in channels[2:])
        self.output = nn.Conv2d(2 * MAPS, 1, 1)
        for name, tensor in (zeroed_channels.tensors() if zeroed_channels else {}).items():
            self.register_buffer(name, tensor)

    @property
    def zeroed_channels(self) -> ZeroedChannels | None:
        """The generator's channels that are zero in its backgrounds; None where a whole layer is switched off."""
        return zeroed.from_tensors(dict(self.named_buffers(recurse=False)))

    def keeping(self, zeroed_channels: ZeroedChannels | None) -> "AlphaNetwork":
        """A frozen network of the same weights, which keeps these channels."""
        made = AlphaNetwork(self.channels, zeroed_channels=zeroed_channels)
        weights = {name: tensor for name, tensor in self.state_dict().items() if name not in zeroed.NAMES}
        made.load_state_dict(weights | dict(made.named_buffers()), assign=True)
        return made.requires_grad_(False).eval()

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Features of ``Generator.synthesize`` → alpha (N, 1, H, W) float32 in [0, 1].

        Only the last two maps per level are looked at; the maps of lower resolutions may be left out.

        Raises:
            ValueError: the features are not those of a generator that this network fits.
        """
        features = features[-2 * len(self.channels) :]
        found = tuple(f.shape[1] for f in features)
        if found != tuple(c for c in self.channels for _ in range(2)):
            raise ValueError(f"features have {found} channels; expected two maps each of {self.channels}")
        levels = [
            torch.cat([first(a), second(b)], 1)
            for first, second, a, b in zip(self.reduce_first, self.reduce_second, features[::2], features[1::2])
        ]
        return self.merged(levels)

    def merged(self, levels: Sequence[Tensor]) -> Tensor:
        """The six maps of every level, (N, 6, h, w) from coarse to fine → alpha (N, 1, H, W)."""
        u = _upsample(levels[0], levels[1])
        for merge, level, following in zip(self.merge, levels[1:], levels[2:]):
            u = _upsample(F.leaky_relu(merge(torch.cat([level, u], 1)), 0.2), following)
        return torch.sigmoid(self.output(u + levels[-1]))


def fits(alpha_channels: Sequence[int], generator_channels: Sequence[int]) -> bool:
    """Whether an alpha network of these levels can stand on a generator of these channels."""
    return tuple(generator_channels[-len(alpha_channels) :]) == tuple(alpha_channels)


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    if ops.learns_on_cpu(x):
        return _Bicubic.apply(x, like.shape[2:])
    return _bicubic(x, like.shape[2:])


def _bicubic(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode="bicubic", align_corners=True)


class _Bicubic(torch.autograd.Function):
    """Bicubic interpolation whose gradient is two products of matrices: on a CPU a tenth of the time of torch's."""

    @staticmethod
    def forward(ctx, x: Tensor, size: Sequence[int]) -> Tensor:
        ctx.before, ctx.dtype = x.shape[2:], x.dtype
        return _bicubic(x, size)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        wide = ops.at_least_float32(gradient)
        rows, columns = (
            _bicubic_matrix(before, after, wide.dtype) for before, after in zip(ctx.before, gradient.shape[2:])
        )
        passed = (rows.t() @ wide @ columns).to(ctx.dtype)
        return passed.contiguous(memory_format=ops.layout(passed.device)), None


@cache
def _bicubic_matrix(before: int, after: int, dtype: torch.dtype) -> Tensor:
    """The interpolation along one axis, (after, before)."""
    with torch.inference_mode(False):  # kept for all callers: an inference tensor could not be differentiated through
        each = torch.eye(before, dtype=dtype)[:, None, :, None]  # one image of one column per pixel
        return _bicubic(each, (after, 1))[:, 0, :, 0].t().contiguous()
