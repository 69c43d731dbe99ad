"""The codes of candidates. Foreground and background draw theirs from two streams of random numbers."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Generator as RandomGenerator
from torch import Tensor

from ..networks.stylegan2 import class_bounds, class_rows
from ..networks.synthesis import Synthesis
from ..process.spending import SPENDING
from ..seeding import generator_for, normal


class Candidate(NamedTuple):
    """What may become a sample, or be rejected."""

    index: int
    """Number of the sample in the data set, from 0."""
    number: int = 0
    """How many candidates of the same sample come before it."""


@SPENDING.on("codes")
def draw_w(
    generator: Synthesis,
    *,
    seed: int,
    stream: str,
    indices: Sequence[int],
    psi: float,
    numbers: Sequence[int] | None = None,
) -> Tensor:
    """Draw a code for each candidate, map and truncate it: w (N, w_dim) on the generator's device.

    A candidate's code depends on seed, stream, index and number alone.

    Args:
        stream: "foreground" or "background".
        indices: each candidate's sample.
        psi: truncation; 0 gives the mean code, 1 leaves codes as they are.
        numbers: each candidate's number; default: 0, the first of its sample.
    """
    z = normal((generator.architecture.z_dim,), seed, stream, indices, draws=numbers)
    return generator.truncate(generator.map(z.to(generator.w_avg.device)), psi)


def drawn_classes(
    generator: Synthesis, *, seed: int, stream: str, indices: Sequence[int], numbers: Sequence[int] | None = None
) -> list[int] | None:
    """Of a class-conditional generator, the class of each candidate; None of an unconditional one.

    Args are those of ``draw_w``, which draws the codes that say them.
    """
    drawn = generator.architecture.drawn
    if len(drawn) < 2:
        return list(drawn) * len(indices) or None
    z = normal((generator.architecture.z_dim,), seed, stream, indices, draws=numbers)
    return [drawn[row] for row in class_rows(z, class_bounds(len(drawn))).tolist()]


def noise_generators(
    mode: str, *, seed: int, stream: str, indices: Sequence[int], numbers: Sequence[int] | None = None
) -> list[RandomGenerator] | None:
    """A generator of random numbers per candidate, for the mode "random"; None for the modes without any."""
    if mode != "random":
        return None
    names = [f"{stream}-noise/{number}" if number else f"{stream}-noise" for number in numbers or [0] * len(indices)]
    return [generator_for(seed, name, index) for name, index in zip(names, indices, strict=True)]
