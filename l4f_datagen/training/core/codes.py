"""What a frozen generator is given while others learn from it: codes and noise of a whole batch at once."""

from typing import NamedTuple

from torch import Tensor

from ... import philox
from ...networks.synthesis import NoiseMode, Synthesis


class Codes(NamedTuple):
    """What a generator draws N images of."""

    w: Tensor
    """(N, w_dim), mapped and truncated."""
    noise: NoiseMode | list[Tensor]
    """Maps (N, H, W) of every layer for random noise; else the mode itself."""


def draw(
    generator: Synthesis,
    *,
    seed: int,
    stream: str,
    positions: philox.Positions,
    psi: float,
    noise: NoiseMode,
    shared: str | None = None,
) -> Codes:
    """Codes and noise at positions of an endless stream, on the generator's device.

    A sample's numbers follow from (seed, stream, position) alone, whatever batch, process or device it is drawn in.

    Args:
        positions: as ``philox.normal`` takes them.
        shared: stream whose codes are taken instead, so that noise alone is this stream's own.
    """
    a, device = generator.architecture, generator.w_avg.device
    z = philox.normal(a.z_dim, seed, shared or stream, positions, device)
    w = generator.truncate(generator.map(z.to(generator.w_avg)), psi)
    if noise != "random":
        return Codes(w, noise)
    sizes = a.noise_sizes
    pixels = [height * width for height, width in sizes]
    flat = philox.normal(sum(pixels), seed, f"{stream}-noise", positions, device)
    maps = flat.to(generator.w_avg).split(pixels, 1)
    return Codes(w, [one.unflatten(1, size) for one, size in zip(maps, sizes, strict=True)])
