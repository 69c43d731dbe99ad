"""What ``dataset.json`` says of a generated data set, and which arithmetic makes it."""

from dataclasses import asdict
from typing import Any

import torch

from .. import settings as settings_module
from ..generation.filters import Reference, reference_identity
from ..generation.models import Models, load_models
from ..making.arithmetic_probe import of_generation
from ..settings import GenerateSettings
from ..settings.classes import spelled
from ..settings.generate import REFERENCE
from ..shards.format.arithmetic import Arithmetic
from ..shards.format.schema import CLASSES
from ..versions import versions

_PACKAGES = ("l4f-datagen", "torch", "numpy", "opencv-python-headless", "pillow", "pyarrow")
"""What the bytes of a data set depend on, besides the settings."""


def describe(
    settings: GenerateSettings, models: Models, reference: Reference | None = None, *, device: str | None = None
) -> dict[str, Any]:
    """What ``dataset.json`` says of a data set; ``device`` makes it, where ``models`` are elsewhere."""
    sources = models.sources
    device = device or str(models.device)
    identity = settings_module.identity(
        settings, {name: source.sha256 for name, source in sources.items()}, torch.device(device).type
    )
    origin: dict[str, Any] = {}
    if models.backgrounds:
        origin["backgrounds"] = {"name": settings.backgrounds, **models.backgrounds.identity}
        identity["background_images"] = "{images} images, SHA-256 {sha256}".format(**origin["backgrounds"])
    if models.reference is not None:
        origin["reference"] = {"name": models.reference.name, "sha256": models.reference.sha256}
        identity["reference_sha256"] = models.reference.sha256
    elif reference is not None:
        origin["reference"] = identity["reference"] = reference_identity(reference)
    if drawn := models.generator.architecture.drawn:
        origin[CLASSES] = spelled(drawn)
    resolved = {"alpha": settings.alpha or settings.generator, "device": device}
    resolved |= {"precision": identity["precision"]} if "precision" in identity else {}
    unsaid = {"precision"} | (set() if settings.reject_list else {"reject_list"})
    unsaid |= set() if settings.reference else set(REFERENCE)
    return {
        "settings": settings.model_dump(mode="json", exclude=unsaid) | resolved,
        "identity": identity,
        "fingerprint": settings_module.fingerprint(identity),
        "checkpoints": {name: asdict(source) for name, source in sources.items()},
        **origin,
        "versions": versions(_PACKAGES),
        "counts": {"samples": settings.n, "shards": settings.shards},
    }


def describe_for(settings: GenerateSettings, device: str, reference: Reference | None = None) -> dict[str, Any]:
    """``describe`` for other processes, which compute on ``device``; this one need not have such a device.

    Raises:
        UserError: a checkpoint or the reference cannot be read, or the networks do not fit.
    """
    models = load_models(settings.model_copy(update={"device": "cpu", "precision": "float32"}))
    return describe(settings, models, reference, device=device)


def arithmetic(settings: GenerateSettings, models: Models) -> Arithmetic:
    """The arithmetic by which this process makes samples of these settings: versions, processor, and a probe."""
    return of_generation(settings, models, _PACKAGES)
