"""Baselines that see generated images and the generator that drew them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...generation import latents
from ...generation.models import Models
from ...generation.side_by_side import side_by_side
from ...networks.pixels import image_to_uint8
from ...settings import EvaluateAlphaSettings
from ...weights.switching import switched_off
from . import directions, images

Masks = Callable[[int], np.ndarray]
"""The number of a sample within its batch → its mask, uint8 H×W; may be called in any thread, after the networks."""


@dataclass(frozen=True)
class Drawn:
    """A batch of generated images, and all that drew them."""

    settings: EvaluateAlphaSettings
    models: Models
    indices: range
    w: Tensor
    """(N, w_dim)."""
    image: Tensor
    """(N, 3, H, W), nominally [-1, 1]."""
    features: Sequence[Tensor]
    """As ``Generator.synthesize`` gives them."""
    pictures: np.ndarray
    """``image`` as RGB uint8 N×H×W×3."""

    def again(self, w: Tensor) -> Tensor:
        """Images (N, 3, H, W) of other codes, w or w+, with the noise of these."""
        return self.models.generator.synthesize(w, self.settings.noise, noise_generators=self.noise()).image

    def noise(self) -> list[torch.Generator] | None:
        """Generators of the images' noise, as if nothing had been drawn yet."""
        s = self.settings
        return latents.noise_generators(s.noise, seed=s.seed, stream="foreground", indices=self.indices)


Look = Callable[[Drawn], Masks]
"""Lets the networks say what a baseline needs of a batch."""


def _of_images(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[EvaluateAlphaSettings, Models], Look]:
    def look(drawn: Drawn) -> Masks:
        pictures = drawn.pictures  # not all of it, which would stay in memory until the masks are made
        return lambda position: function(pictures[position])

    return lambda settings, models: look


def _of_features(settings: EvaluateAlphaSettings, models: Models) -> Look:
    def look(drawn: Drawn) -> Masks:
        size = drawn.image.shape[-1]
        chosen = [f.cpu() for f in images.clustered(drawn.features, size)]
        return lambda position: images.cluster_features([f[position] for f in chosen], size, seed=0)

    return look


def _of_backgrounds(settings: EvaluateAlphaSettings, models: Models) -> Look:
    def look(drawn: Drawn) -> Masks:
        off = switched_off(settings.switched_off, models.zeroed, models.alpha_source.name)
        background = models.generator.background(
            drawn.w, settings.noise, noise_generators=drawn.noise(), switched_off=off
        )
        pictures, behind = drawn.pictures, image_to_uint8(background).cpu().numpy()
        return lambda position: images.difference(pictures[position], behind[position])

    return look


def _of_direction(find: Callable[[EvaluateAlphaSettings, Models], directions.Comparison]):
    """A baseline of a comparison of brightness, which is found once, before the first batch."""

    def opened(settings: EvaluateAlphaSettings, models: Models) -> Look:
        compare = find(settings, models)

        def look(drawn: Drawn) -> Masks:
            masks = compare.masks(drawn.w, drawn.image, drawn.again).cpu().numpy()
            return lambda position: masks[position]

        return look

    return opened


ON_GENERATOR: dict[str, Callable[[EvaluateAlphaSettings, Models], Look]] = {
    "GrabCut from a centred box": _of_images(images.grabcut),
    "k-means of the generator's features": _of_features,
    "spectral clustering of colours": _of_images(images.spectral),
    "difference to the generator's background": _of_backgrounds,
    "latent direction that parts brightness": _of_direction(directions.found),
    "directions optimised for brightness": _of_direction(directions.optimised),
}
"""Baselines of generated images by name; each is opened once for a measurement, and then shown batch after batch."""


def opened(settings: EvaluateAlphaSettings, models: Models) -> dict[str, Look]:
    """All of them, ready to look; none where the settings do not ask for baselines."""
    if not settings.baselines:
        return {}
    # Two of them search for latent directions, which takes seconds.
    workers = None if models.device.type == "cpu" else 0
    looks = side_by_side(lambda baseline: baseline(settings, models), ON_GENERATOR.values(), workers=workers)
    return dict(zip(ON_GENERATOR, looks, strict=True))
