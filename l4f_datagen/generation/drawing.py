"""Foreground, alpha and background of a batch, by networks one by one or fused, and the composite of the three."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..networks.inference import InferenceGenerator
from ..networks.synthesis import NoiseMode, noise_maps
from ..settings import GenerateSettings
from ..weights.switching import switched_off
from . import latents
from .models import Models

_LANES = 64
"""Sets of counters by which the pixels of an image are counted side by side."""


class Drawn(NamedTuple):
    """What the networks give for N candidates."""

    w: dict[str, Tensor]
    """Codes (N, w_dim) of "foreground" and, where it is drawn, "background"."""
    foreground: Tensor
    """(N, 3, H, W), nominally [-1, 1]."""
    alpha: Tensor
    """(N, 1, H, W) in [0, 1]."""
    background: Tensor | None
    """(N, 3, H, W); None where backgrounds are the user's images."""
    overflowed: Tensor | None = None
    """(1,) int32: 1 where half precision did not hold a number; None where that cannot be."""


def draw(settings: GenerateSettings, models: Models, codes: Mapping[str, Any]) -> Drawn:
    """Draw candidates.

    Args:
        codes: ``seed``, ``indices`` and ``numbers``, as ``latents.draw_w`` takes them.
    """
    generator = models.generator
    w = {"foreground": latents.draw_w(generator, stream="foreground", psi=settings.psi, **codes)}
    noise = {"foreground": latents.noise_generators(settings.noise, stream="foreground", **codes)}
    own = models.backgrounds is None and models.behind is None
    off = switched_off(settings.switched_off, models.zeroed, models.alpha_source.name) if own else "first_convolution"
    if models.fused is not None:
        if own:
            w["background"] = latents.draw_w(generator, stream="background", psi=settings.background_psi, **codes)
            noise["background"] = latents.noise_generators(settings.noise, stream="background", **codes)
        scene = models.fused(torch.cat(list(w.values())), len(w["foreground"]), _maps(settings, models, noise),
                             off)  # fmt: skip
        background = scene.background if own else _behind(settings, models, codes, w)
        return Drawn(w, scene.foreground, scene.alpha, background, scene.overflowed)
    foreground, features = generator.synthesize(w["foreground"], settings.noise, noise_generators=noise["foreground"])
    alpha = models.alpha(features)
    if not own:
        return Drawn(w, foreground, alpha, _behind(settings, models, codes, w))
    del features  # most of the memory; the background needs it next
    w["background"] = latents.draw_w(generator, stream="background", psi=settings.background_psi, **codes)
    background = generator.background(
        w["background"],
        settings.noise,
        noise_generators=latents.noise_generators(settings.noise, stream="background", **codes),
        switched_off=off,
    )
    return Drawn(w, foreground, alpha, background)


def draw_behind(
    behind: InferenceGenerator, codes: Mapping[str, Any], *, psi: float, noise: NoiseMode
) -> tuple[Tensor, Tensor]:
    """The codes w (N, w_dim) of a layered generator's backgrounds, and these (N, 3, H, W).

    Args:
        behind: what draws them.
        codes: as ``draw`` takes them.
    """
    w = latents.draw_w(behind, stream="background", psi=psi, **codes)
    maps = latents.noise_generators(noise, stream="background", **codes)
    return w, behind.synthesize(w, noise, noise_generators=maps).image


def _behind(
    settings: GenerateSettings, models: Models, codes: Mapping[str, Any], w: dict[str, Tensor]
) -> Tensor | None:
    """Backgrounds of a layered generator, their codes put into ``w``; None where images take their place."""
    if models.behind is None:
        return None
    w["background"], image = draw_behind(
        models.behind, codes, psi=settings.background_psi, noise=settings.noise
    )  # fmt: skip
    return image


def composite(alpha: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """Blend: I = A(z)·G(z) + (1 − A(z))·G_bg(z′), equation 1 of Labels4Free.

    Args:
        alpha: (N, 1, H, W) in [0, 1].
        foreground, background: (N, 3, H, W).
    """
    return torch.lerp(background, foreground, alpha)


def alpha_to_uint8(alpha: Tensor) -> Tensor:
    """Alpha (N, 1, H, W) in [0, 1] → round(255·alpha), uint8 (N, H, W)."""
    return alpha[:, 0].mul(255).round_().to(torch.uint8)


def value_counts(stored: Tensor) -> Tensor:
    """How many pixels of stored alphas uint8 (N, H, W) have each of the 256 values: int64 (N, 256).

    The numbers are those of ``scores.histogram``, counted where the alphas are: a GPU takes microseconds for what is
    the largest part of a core's time for scores.
    """
    count, pixels = len(stored), stored[0].numel()
    # Most pixels are 0 or 255, and additions to one counter wait for each other: neighbours have counters of their own.
    lane = torch.arange(pixels, device=stored.device).remainder_(_LANES).mul_(256)
    counters = torch.zeros(count, _LANES * 256, dtype=torch.int32, device=stored.device)
    one = torch.ones((), dtype=torch.int32, device=stored.device).expand(count, pixels)
    counters.scatter_add_(1, stored.flatten(1) + lane, one)
    return counters.view(count, _LANES, 256).sum(1)


def _maps(
    settings: GenerateSettings, models: Models, generators: Mapping[str, list[torch.Generator] | None]
) -> Sequence[Tensor] | str | None:
    """Noise of all layers as the fused networks take it."""
    if settings.noise != "random":
        return "own" if settings.noise == "const" else None
    every = [one for some in generators.values() for one in some or ()]
    like, maps = models.generator.constant, []
    for size in models.generator.architecture.noise_sizes:
        drawn = noise_maps(size, like, "random", len(every), every)
        assert isinstance(drawn, Tensor)
        maps.append(drawn)
    return maps
