"""The networks of a projection, on their device, and what is known of the codes that they take."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .. import weights
from ..devices import resolve_device
from ..networks.alpha import AlphaNetwork
from ..networks.inference import InferenceGenerator, freeze
from ..seeding import normal
from ..weights import native
from ..weights.generators.squares import check_square
from ..weights.load import locate, result_of
from ..weights.source import Source

_DRAWS, _AT_ONCE = 8, 512
"""Codes that the spread of w is measured on: so many times so many."""
_MOST, _NEARLY_ALL = 0.975, 0.999


@dataclass(frozen=True, kw_only=True)
class Models:
    """A generator and, where there is one, its alpha network."""

    generator: InferenceGenerator
    source: Source
    noise: tuple[Tensor, ...]
    """The checkpoint's noise map (H, W) of every styled convolution."""
    alpha: AlphaNetwork | None
    alpha_source: Source | None
    spread: float
    """Standard deviation of the codes w that are drawn, over all their numbers."""
    farthest: float
    """The distance from the mean code, in standard deviations, that one of a thousand drawn codes exceeds."""
    far: float
    """The same for one of forty."""

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.generator.device

    @property
    def size(self) -> int:
        """Height and width of the images in pixels."""
        return self.generator.architecture.resolution

    def distance(self, w: Tensor) -> Tensor:
        """How far codes (N, num_ws, w_dim) lie from the mean code: (N,), in standard deviations."""
        return (w - self.generator.w_avg).square().mean((1, 2)).sqrt() / self.spread


def load_models(generator: str, alpha: str | None, device: str) -> Models:
    """Load the networks that settings name.

    Args:
        alpha: None for the one beside the generator; where there is none, the models have none.

    Raises:
        UserError: a checkpoint cannot be read, the two do not fit, images are rectangular, or the device is absent.
    """
    place = resolve_device(device)
    found = None
    if alpha is not None or _has_alpha(generator):
        (network, source), found = weights.read_pair(generator, alpha)
    else:
        network, source = weights.read_generator(generator)
    check_square(network.architecture, source.name, "a projection")
    frozen = freeze(network, place)
    distances = (_drawn(frozen) - frozen.w_avg).square().mean(1).sqrt() / (spread := spread_of(frozen))
    return Models(
        generator=frozen,
        source=source,
        noise=tuple(layer.noise.to(place) for layer in network.styled()),
        alpha=found[0].to(place) if found else None,
        alpha_source=found[1] if found else None,
        spread=spread,
        farthest=float(distances.quantile(_NEARLY_ALL)),
        far=float(distances.quantile(_MOST)),
    )


@torch.no_grad()
def spread_of(generator: InferenceGenerator) -> float:
    """Standard deviation of the codes w that a generator's mapping gives, over all their numbers."""
    return max(float((_drawn(generator) - generator.w_avg).square().mean().sqrt()), 1e-6)


@torch.no_grad()
def _drawn(generator: InferenceGenerator) -> Tensor:
    z = normal((_AT_ONCE, generator.architecture.z_dim), 0, "spread", range(_DRAWS))
    return generator.map(z.flatten(0, 1).to(generator.device))


def _has_alpha(generator: str) -> bool:
    folder: Path = result_of(locate(generator))
    if native.kind_of(folder):
        folder = folder.parent
    return native.is_native(folder) and native.network_file(folder, "alpha") is not None
