"""Single channels of a generator that are zeroed for backgrounds: the curated backgrounds of Labels4Free (3.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

SIZES, FLAGS, SHARE = "zeroed_sizes", "zeroed_flags", "zeroed_share"
NAMES = (SIZES, FLAGS, SHARE)
"""Of the tensors that hold them beside an alpha network's own."""
_MOST_LAYERS, _MOST_CHANNELS = 64, 1 << 20
_NONE = -1.0
"""The share in a file of channels that have none."""
_DIGITS = 6
"""Of a share, as many as float32 holds."""


@dataclass(frozen=True)
class ZeroedChannels:
    """Which channels are zero, for each activation of a generator: the constant, then every styled convolution.

    It can be compared and hashed. A convolution still demodulates by the whole of its style, so that a channel that is
    zeroed is as if its activation were zero, and the others stay as they were.
    """

    share: float | None
    """The share of channels, in [0, 1], that they were chosen by; None: a descent found them."""
    sizes: tuple[int, ...]
    """How many channels each activation has."""
    channels: tuple[tuple[int, ...], ...]
    """Those that are zero, in rising order, by activation."""

    def __post_init__(self):
        if len(self.sizes) != len(self.channels):
            raise ValueError(f"zeroed channels of {len(self.channels)} activations, sizes of {len(self.sizes)}")
        for size, channels in zip(self.sizes, self.channels, strict=True):
            if list(channels) != sorted({c for c in channels if 0 <= c < size}):
                raise ValueError(f"zeroed channels that are not in rising order below {size}")

    @property
    def count(self) -> int:
        """How many channels are zero."""
        return sum(map(len, self.channels))

    def tensors(self) -> dict[str, Tensor]:
        """As tensors, for a checkpoint file."""
        flags = torch.zeros(sum(self.sizes), dtype=torch.uint8)
        start = 0
        for size, channels in zip(self.sizes, self.channels, strict=True):
            flags[[start + channel for channel in channels]] = 1
            start += size
        return {
            SIZES: torch.tensor(self.sizes, dtype=torch.int32),
            FLAGS: flags,
            SHARE: torch.tensor(_NONE if self.share is None else self.share),
        }


def from_tensors(tensors: Mapping[str, Tensor]) -> ZeroedChannels | None:
    """The reverse of ``ZeroedChannels.tensors``; None where a mapping holds none of them.

    Raises:
        ValueError: one is missing, or they do not describe zeroed channels.
    """
    found = [tensors.get(name) for name in NAMES]
    if not any(tensor is not None for tensor in found):
        return None
    sizes, flags, share = found
    if sizes is None or flags is None or share is None:
        raise ValueError("some of the tensors of zeroed channels are missing")
    counts = sizes.tolist() if sizes.dtype == torch.int32 and sizes.ndim == 1 and len(sizes) <= _MOST_LAYERS else [0]
    if not counts or min(counts) < 1 or sum(counts) > _MOST_CHANNELS:
        raise ValueError("zeroed_sizes are no channel counts")
    if flags.dtype != torch.uint8 or tuple(flags.shape) != (sum(counts),) or int(flags.max()) > 1:
        raise ValueError(f"zeroed_flags are not {sum(counts)} times 0 or 1")
    if share.ndim or not share.is_floating_point() or not (0 <= float(share) <= 1 or share == _NONE):
        raise ValueError("zeroed_share is no share from 0 to 1")
    parts = flags.split(counts)
    channels = tuple(tuple(part.nonzero()[:, 0].tolist()) for part in parts)
    found_by = None if share == _NONE else round(float(share), _DIGITS)
    return ZeroedChannels(found_by, tuple(counts), channels)


def activation_sizes(channels: Sequence[int]) -> tuple[int, ...]:
    """How many channels each activation of a generator has, from those of its levels, coarse to fine."""
    return (channels[0], channels[0], *(count for count in channels[1:] for _ in range(2)))


@lru_cache(maxsize=16)
def kept(zeroed: ZeroedChannels, device: torch.device, dtype: torch.dtype) -> tuple[Tensor | None, ...]:
    """By activation, what its channels are multiplied with, (C) of ones and zeros; None where all stay."""
    with torch.inference_mode(False):
        masks = []
        for size, channels in zip(zeroed.sizes, zeroed.channels, strict=True):
            mask = torch.ones(size, dtype=dtype)
            mask[list(channels)] = 0
            masks.append(mask.to(device) if channels else None)
    return tuple(masks)
