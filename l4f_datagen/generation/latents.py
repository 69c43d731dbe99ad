"""Codes of candidates: foreground and background are drawn from streams of their own."""

from collections.abc import Sequence

from torch import Generator as RandomGenerator
from torch import Tensor

from ..networks.stylegan2 import Generator
from ..seeding import generator_for, normal

STREAMS = ("foreground", "background")


def draw_w(generator: Generator, *, seed: int, stream: str, indices: Sequence[int], psi: float) -> Tensor:
    """Mapped, truncated codes (N, w_dim) on the generator's device; code i depends on (seed, stream, i) alone."""
    z = normal((generator.architecture.z_dim,), seed, stream, indices)
    return generator.truncate(generator.map(z.to(generator.w_avg.device)), psi)


def noise_generators(mode: str, *, seed: int, stream: str, indices: Sequence[int]) -> list[RandomGenerator] | None:
    """One generator per sample for random noise, None for the other modes."""
    return [generator_for(seed, f"{stream}-noise", i) for i in indices] if mode == "random" else None
