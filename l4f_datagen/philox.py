"""Random numbers that follow from (seed, stream, position) alone, drawn for a whole batch at once, on any device.

A ``torch.Generator`` of its own for each sample, as ``seeding`` makes them, has to be asked once per sample and layer.
Philox 4x32 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") computes the i-th number of a stream
directly: it mixes a counter, here (i, position), with a key, here a hash of seed and stream. So one call draws for all
samples of a batch, and no number depends on what else is in it. The integers are the same on every device; normal
numbers agree to the rounding of its logarithm, sine and cosine.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .devices import has_float64

Positions = Sequence[int] | Tensor
NAME = "Philox 4x32-7"
_ROUNDS = 7
"""The fewest with which no test of randomness finds anything (Salmon et al., table 2)."""
_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_STEPS = 0x9E3779B9, 0xBB67AE85
"""What is added to the two halves of the key from round to round: the golden ratio and √3 − 1, times 2³²."""
_MASK = 0xFFFFFFFF
_CACHED_BLOCKS = 32768
"""On a CPU: torch shares out among threads what has more elements, and hundreds of such short steps would only wait."""


def uniform(count: int, seed: int, stream: str, positions: Positions, device: torch.device | str = "cpu") -> Tensor:
    """``count`` uniform numbers in (0, 1) for each of N positions: float64, (N, count); multiples of 2⁻³² + 2⁻³³.

    Args:
        seed: any integer ≥ 0.
        stream: what the numbers are for; streams are independent.
        positions: integers, 0 ≤ position < 2⁶³; as a tensor int64 (N,) they may change where the call is recorded, as
            CUDA graphs record it.
    """
    out = torch.empty(len(positions), -(-count // 4), 4, dtype=torch.float64, device=device)
    for rows in _pieces(out):
        words = _blocks(out.shape[1], seed, stream, positions[rows], device)
        out[rows] = torch.stack(words, -1).double().mul_(2.0**-32).add_(2.0**-33)
    return out.flatten(1)[:, :count]


def normal(count: int, seed: int, stream: str, positions: Positions, device: torch.device | str = "cpu") -> Tensor:
    """``count`` numbers of N(0, 1) for each of N positions: float32, (N, count); arguments as in ``uniform``.

    A device without integers of 64 bits gets them from the CPU.
    """
    if not has_float64(torch.device(device)):
        here = positions.cpu() if isinstance(positions, Tensor) else positions
        return normal(count, seed, stream, here).to(device)
    out = torch.empty(len(positions), -(-count // 4), 4, device=device)
    for rows in _pieces(out):
        words = _blocks(out.shape[1], seed, stream, positions[rows], device)
        for radius, angle, place in ((0, 1, 0), (2, 3, 2)):
            out[rows, :, place : place + 2] = torch.view_as_real(_box_muller(words[radius], words[angle]))
    return out.flatten(1)[:, :count]


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Philox 4x32: four words of counters, numbers of 32 bits in int64 → four random words likewise."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        even, odd = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        # The high halves; an int64 is signed, its sign comes along and goes with the mask.
        c0 = (odd >> 32).bitwise_xor_(c1).bitwise_xor_(k0).bitwise_and_(_MASK)
        c2 = (even >> 32).bitwise_xor_(c3).bitwise_xor_(k1).bitwise_and_(_MASK)
        c1, c3 = odd.bitwise_and_(_MASK), even.bitwise_and_(_MASK)
        k0, k1 = (k0 + _STEPS[0]) & _MASK, (k1 + _STEPS[1]) & _MASK
    return c0, c1, c2, c3


def _pieces(out: Tensor) -> Iterator[slice]:
    """Rows of (N, blocks, 4) to be drawn together: all on a device, on a CPU what its cache and one thread can hold."""
    rows = len(out) if out.device.type != "cpu" else max(1, _CACHED_BLOCKS // max(1, out.shape[1]))
    return (slice(start, start + rows) for start in range(0, len(out), max(1, rows)))


def _blocks(
    blocks: int, seed: int, stream: str, positions: Positions, device: torch.device | str
) -> tuple[Tensor, ...]:
    """Four random words of 32 bits for each block of each position: int64, (N, blocks) each."""
    digest = hashlib.sha256(f"philox/{seed}/{stream}".encode()).digest()
    key = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
    if isinstance(positions, Tensor):
        place = positions.to(device)[:, None]
    elif isinstance(positions, range):  # made on the device: a copy would wait for it
        place = torch.arange(positions.start, positions.stop, positions.step, device=device)[:, None]
    else:
        place = torch.tensor(positions, dtype=torch.int64, device=device)[:, None]
    block = torch.arange(blocks, device=device).expand(len(place), -1)
    return philox((block, (place & _MASK).expand_as(block), (place >> 32).expand_as(block), block * 0), key)


def _box_muller(first: Tensor, second: Tensor) -> Tensor:
    """Two words of 32 bits → two numbers of N(0, 1), the parts of a complex one (Box and Muller 1958)."""
    radius = first.float().mul_(2.0**-32).add_(2.0**-33).log_().mul_(-2).sqrt_()
    return torch.polar(radius, second.float().mul_(math.tau * 2.0**-32))
