"""(seed, stream, index) → a random number generator of its own."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the annotations alone: reading shards must not import torch
    import torch

_MASK = 0xFFFFFFFF


def generator_for(seed: int, stream: str, index: int) -> "torch.Generator":
    """A CPU generator for one index of one stream.

    Args:
        seed: any integer ≥ 0; 0 is a seed like any other.
        stream: what the numbers are for ("foreground", "background", …); streams are independent.
        index: position in the stream, 0 ≤ index < 2³².

    Within a (seed, stream) no two indices share a generator.
    """
    import torch

    return torch.Generator().manual_seed(_engine_seed(seed, stream, index))


def normal(
    shape: Sequence[int], seed: int, stream: str, indices: Sequence[int], *, draws: Sequence[int] | None = None
) -> "torch.Tensor":
    """N(0, 1) numbers, one generator per index: float32 CPU tensor (len(indices), *shape).

    Args:
        draws: which of its generator's successive draws of that shape each row is; default: 0, the first.
            No two (index, draw) share their numbers, as streams of several names might.
    """
    import torch

    out = torch.empty(len(indices), *shape)
    for row, index, draw in zip(out, indices, [0] * len(indices) if draws is None else draws, strict=True):
        generator = generator_for(seed, stream, index)
        for _ in range(draw + 1):
            row.normal_(generator=generator)
    return out


def _engine_seed(seed: int, stream: str, index: int) -> int:
    # torch's CPU engine looks at 32 bits of its seed only. Hashing (seed, stream, index) into them
    # would make two of 100 000 samples equal more often than not, so the index goes through a
    # bijection of 32-bit integers instead, chosen by a hash of (seed, stream).
    if not 0 <= index <= _MASK:
        raise ValueError(f"index {index} is outside [0, 2**32)")
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    before, after = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
    return _scramble(_scramble(index ^ before) ^ after)


def _scramble(x: int) -> int:
    """A bijection of 32-bit integers that spreads every bit: xor-shifts and odd multipliers."""
    for shift, multiplier in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        x = ((x ^ (x >> shift)) * multiplier) & _MASK
    return x ^ (x >> 15)
