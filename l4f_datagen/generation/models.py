"""What a run of ``generate`` needs in memory: its networks, on their device, and the images of its backgrounds."""

from dataclasses import dataclass, replace

import torch

from .. import weights
from ..devices import resolve_device
from ..instances.judge import Judge, open_judge
from ..networks.alpha import AlphaNetwork
from ..networks.fused.graphs import GraphedNetworks
from ..networks.fused.network import fuse
from ..networks.inference import InferenceGenerator, freeze
from ..networks.zeroed import ZeroedChannels
from ..settings import GenerateSettings
from ..settings.needing import idle
from ..weights.generators.classes import with_class
from ..weights.recommended import Recommendation, recommended
from ..weights.source import Source
from ..weights.switching import switched_off
from .backgrounds import Backgrounds, open_backgrounds
from .precision import precision_for


@dataclass(frozen=True, kw_only=True)
class Models:
    """The networks of a run, on their device, where they came from, and images for backgrounds."""

    generator: InferenceGenerator
    alpha: AlphaNetwork
    generator_source: Source
    alpha_source: Source
    device: torch.device
    behind: InferenceGenerator | None = None
    """What draws the backgrounds of a layered generator; None: the generator itself."""
    behind_source: Source | None = None
    backgrounds: Backgrounds | None = None
    """Images in place of the generator's own backgrounds; None: it draws them."""
    reference: Judge | None = None
    """What has to agree with every sample, where the settings name it."""
    fused: GraphedNetworks | None = None
    """The networks as one, on a CUDA device."""
    recommended: Recommendation | None = None
    """Settings that the checkpoint recommends."""
    zeroed: ZeroedChannels | None = None
    """The generator's channels that the alpha network keeps as those that draw the foreground."""

    @property
    def sources(self) -> dict[str, Source]:
        """Where the networks came from, by what they are."""
        found = {"generator": self.generator_source, "alpha": self.alpha_source}
        return found if self.behind_source is None else {**found, "background": self.behind_source}


def load_models(settings: GenerateSettings) -> Models:
    """Load what ``settings`` name.

    Raises:
        UserError: a checkpoint cannot be read, the two do not fit, the device is absent, there are no such images, the
            reference is no detector; something is to be switched off in a layered generator; half precision or
            TensorFloat-32 is asked for where it is none; the alpha network does not keep the channels that are to be
            zeroed.
    """
    device = resolve_device(settings.device)
    precision = precision_for(settings, device)
    path = with_class(settings.generator, settings.class_)
    (generator, generator_source), (alpha, alpha_source) = weights.read_pair(path, settings.alpha)
    frozen, alpha = freeze(generator, device), alpha.to(device)
    images = open_backgrounds(settings.backgrounds)
    layered = weights.read_background(settings.generator) if images is None else None
    fused = None
    if device.type == "cuda":
        dtype = torch.float16 if precision == "half" else torch.float32
        fused = GraphedNetworks(fuse(frozen, alpha, dtype=dtype), tf32=precision == "tf32")
    models = Models(
        generator=frozen,
        alpha=alpha,
        fused=fused,
        generator_source=generator_source,
        alpha_source=alpha_source,
        device=device,
        behind=freeze(layered[0], device) if layered else None,
        behind_source=layered[1] if layered else None,
        backgrounds=images,
        reference=open_judge(settings, device),
        recommended=recommended(settings.generator, settings.alpha),
        zeroed=alpha.zeroed_channels,
    )
    if models.behind is not None and "switched_off" not in settings.defaults:
        raise idle("--switched-off", settings.switched_off, "a generator that draws object and background in one image")
    if models.backgrounds is None:
        switched_off(settings.switched_off, models.zeroed, alpha_source.name)
    return models


def asked_for(models: Models, settings: GenerateSettings) -> Models:
    """Networks that were loaded before, with the reference that settings name.

    Raises:
        UserError: it cannot be used.
    """
    there = models.reference.name if models.reference else None
    return models if there == settings.reference else replace(models, reference=open_judge(settings, models.device))
