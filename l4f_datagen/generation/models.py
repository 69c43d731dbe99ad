"""What a run of ``generate`` needs in memory: its networks, on their device, and the images of its backgrounds."""

from dataclasses import dataclass

import torch

from .. import weights
from ..devices import resolve_device
from ..networks.alpha import AlphaNetwork
from ..networks.inference import InferenceGenerator, freeze
from ..settings import GenerateSettings
from ..weights.recommended import Recommendation, recommended
from ..weights.source import Source
from .backgrounds import Backgrounds, open_backgrounds


@dataclass(frozen=True, kw_only=True)
class Models:
    """The networks of a run, on their device, where they came from, and images for backgrounds."""

    generator: InferenceGenerator
    alpha: AlphaNetwork
    generator_source: Source
    alpha_source: Source
    device: torch.device
    backgrounds: Backgrounds | None = None
    """Images in place of the generator's own backgrounds; None: it draws them."""
    recommended: Recommendation | None = None
    """Settings that the checkpoint recommends."""


def load_models(settings: GenerateSettings) -> Models:
    """Load what ``settings`` name.

    Raises:
        UserError: a checkpoint cannot be read, the two do not fit, the device is absent, or there are no such images.
    """
    device = resolve_device(settings.device)
    (generator, generator_source), (alpha, alpha_source) = weights.read_pair(settings.generator, settings.alpha)
    return Models(
        generator=freeze(generator, device),
        alpha=alpha.to(device),
        generator_source=generator_source,
        alpha_source=alpha_source,
        device=device,
        backgrounds=open_backgrounds(settings.backgrounds),
        recommended=recommended(settings.generator, settings.alpha),
    )
