"""Codes of candidates: foreground and background are drawn from streams of their own."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Generator as RandomGenerator
from torch import Tensor

from ..networks.synthesis import Synthesis
from ..seeding import generator_for, normal

STREAMS = ("foreground", "background")


class Candidate(NamedTuple):
    """What may become a sample."""

    index: int
    """Of the sample."""
    number: int = 0
    """How many candidates of the same sample were drawn before it."""


def draw_w(
    generator: Synthesis,
    *,
    seed: int,
    stream: str,
    indices: Sequence[int],
    psi: float,
    numbers: Sequence[int] | None = None,
) -> Tensor:
    """Mapped, truncated codes (N, w_dim) on the generator's device; each depends on (seed, stream, candidate) alone.

    Args:
        numbers: each candidate's number; default: 0, the first of its sample.
    """
    z = normal((generator.architecture.z_dim,), seed, stream, indices, draws=numbers)
    return generator.truncate(generator.map(z.to(generator.w_avg.device)), psi)


def noise_generators(
    mode: str, *, seed: int, stream: str, indices: Sequence[int], numbers: Sequence[int] | None = None
) -> list[RandomGenerator] | None:
    """One generator per candidate for random noise, None for the other modes."""
    if mode != "random":
        return None
    names = [f"{stream}-noise/{number}" if number else f"{stream}-noise" for number in numbers or [0] * len(indices)]
    return [generator_for(seed, name, index) for name, index in zip(names, indices, strict=True)]
