"""What a run of ``generate`` needs in memory: its networks, on their device, and the images of its backgrounds."""

from dataclasses import dataclass

import torch

from .. import weights
from ..errors import UserError
from ..networks.alpha import AlphaNetwork
from ..networks.stylegan2 import Generator
from ..settings import GenerateSettings
from ..weights.source import Source
from .backgrounds import Backgrounds, open_backgrounds


@dataclass(frozen=True, kw_only=True)
class Models:
    """The networks of a run, on their device, where they came from, and images for backgrounds."""

    generator: Generator
    alpha: AlphaNetwork
    generator_source: Source
    alpha_source: Source
    device: torch.device
    backgrounds: Backgrounds | None = None
    """Images in place of the generator's own backgrounds."""


def load_models(settings: GenerateSettings) -> Models:
    """Load what ``settings`` name.

    Raises:
        UserError: a checkpoint cannot be read, the two do not fit, the device is absent, or there are no such images.
    """
    device = resolve_device(settings.device)
    (generator, generator_source), (alpha, alpha_source) = weights.read_pair(settings.generator, settings.alpha)
    return Models(
        generator=generator.to(device),
        alpha=alpha.to(device),
        generator_source=generator_source,
        alpha_source=alpha_source,
        device=device,
        backgrounds=open_backgrounds(settings.backgrounds),
    )


def resolve_device(name: str) -> torch.device:
    """The device of a setting: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        UserError: it is absent.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        found = f"{count} CUDA device{'s' * (count != 1)}" if count else "no CUDA device"
        raise UserError(
            "device",
            got=f"{name} on a machine with {found}",
            expected="a device that is there",
            remedy="use --device cpu",
        )
    return device
