"""Codes of photographs by gradient descent (StyleGAN2's projector; Abdal et al. 2019 for W+), many at once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..networks.synthesis import NoiseMode
from . import noise
from .distances import Distance
from .models import Models

_RISE, _FALL = 0.05, 0.25
"""Shares of the steps in which the learning rate rises at the beginning and falls at the end (StyleGAN2)."""


class Search(Protocol):
    """How codes are looked for; the settings of ``project`` have it."""

    @property
    def space(self) -> str: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def prior(self) -> float: ...
    @property
    def noise_maps(self) -> str: ...
    @property
    def noise_weight(self) -> float: ...


@dataclass(frozen=True)
class Found:
    """Codes of N photographs."""

    w: Tensor
    """(N, num_ws, w_dim); of the space w all layers are equal."""
    noise: tuple[Tensor, ...] | None
    """The noise maps (N, H, W) that go with them; None: those of the settings."""
    shared: Tensor | None = None
    """The codes (N, 1, w_dim) that were found while all layers had the same; None: no step was taken so."""


def mean_code(models: Models, count: int) -> Tensor:
    """Where a search begins that knows nothing: (N, 1, w_dim)."""
    return models.generator.w_avg.expand(count, 1, -1)


def search(
    models: Models,
    distance: Distance,
    start: Tensor,
    stages: Sequence[tuple[str, int]],
    how: Search,
    step: Callable[[], None] = lambda: None,
) -> Found:
    """Follow the gradient of a distance from codes on, through one stage after the other.

    Args:
        start: (N, 1, w_dim) or (N, num_ws, w_dim).
        stages: the space of each, ``w`` or ``w+``, and its steps.
        step: called after every step.
    """
    layers, w, shared = models.generator.architecture.num_ws, start, None
    maps = _own_maps(models, len(start)) if how.noise_maps == "optimise" else None
    for space, steps in stages:
        if space == "w+":
            w = w.expand(-1, layers, -1)
        if steps:
            w = _descend(models, distance, w, maps, steps, how, step)
            shared = w if space == "w" else shared
    return Found(w.expand(-1, layers, -1).contiguous(), tuple(maps) if maps else None, shared)


def rate_factor(done: float) -> float:
    """What the learning rate is multiplied with when a share of the steps is done: up, level, half a cosine down."""
    falling = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - done) / _FALL))
    return falling * min(1.0, done / _RISE)


def _descend(
    models: Models,
    distance: Distance,
    w: Tensor,
    maps: list[Tensor] | None,
    steps: int,
    how: Search,
    step: Callable[[], None],
) -> Tensor:
    """Codes (N, 1 or num_ws, w_dim) after some steps of Adam; noise maps are changed in place."""
    generator, spread = models.generator, models.spread
    # In standard deviations, so that one learning rate suits every generator.
    code = ((w - generator.w_avg) / spread).detach().clone().requires_grad_(True)
    for one in maps or ():
        one.requires_grad_(True)
    adam = torch.optim.Adam([code, *(maps or ())], lr=how.learning_rate)
    for number in range(steps):
        adam.param_groups[0]["lr"] = how.learning_rate * rate_factor((number + 1) / (steps + 1))
        drawn = generator.synthesize(_as_w(generator.w_avg + spread * code), maps or _noise(how))
        loss = distance(drawn.image) + how.prior * code.square().mean((1, 2))
        if maps:
            loss = loss + how.noise_weight * noise.correlation([m for m in maps if m.shape[1] >= 8])
        adam.zero_grad()
        # Summed: each photograph is searched for by itself, whatever else is in the batch.
        loss.sum().backward()
        adam.step()
        if maps:
            noise.normalise(maps)
        step()
    for one in maps or ():
        one.requires_grad_(False)
    return (generator.w_avg + spread * code).detach()


def _as_w(w: Tensor) -> Tensor:
    """Codes of one layer as (N, w_dim), which is what they are."""
    return w[:, 0] if w.shape[1] == 1 else w


def _noise(how: Search) -> NoiseMode:
    return "none" if how.noise_maps == "none" else "const"


def _own_maps(models: Models, count: int) -> list[Tensor]:
    return [one.expand(count, -1, -1).clone() for one in models.noise]
