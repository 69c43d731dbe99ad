"""One process generates all shards, one after the other."""

import gc
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2

from .. import settings as settings_module
from ..generation.filters import Reference, reference_identity
from ..generation.stream import Models, load_models, stream
from ..settings import GenerateSettings
from .dataset import Progress, versions, write_dataset

_PACKAGES = ("l4f-datagen", "torch", "numpy", "opencv-python-headless", "pillow", "pyarrow")


def generate(
    settings: GenerateSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    models: Models | None = None,
    reference: Reference | None = None,
) -> Progress:
    """Write the data set of ``settings`` into the folder ``out``, or continue it.

    Calls ``report`` after every sample. Shards that are finished stay as they are.

    Args:
        reference: what has to agree with every sample; only the same one continues the data set.

    Raises:
        UserError: checkpoints, images, device or folder are not usable; nothing was written.
        WorkError: the disk is full, or hardly any candidate passes the filters; finished shards stay, and the
            same call continues.
    """
    models = models or load_models(settings)
    return write_dataset(
        settings,
        out,
        describe(settings, models, reference),
        lambda shards: stream(settings, shards=shards, models=models, reference=reference),
        overwrite=overwrite,
        report=report,
    )


def prepare_process() -> None:
    """Set up the whole process for ``generate``: for programs, not libraries."""
    # Samples are encoded side by side; threads within one would only get in the way.
    cv2.setNumThreads(1)
    # The networks' threads ask for the interpreter's lock after every operation: let nobody keep it for long.
    sys.setswitchinterval(5e-4)
    # What the libraries made on import stays: walking through it again and again would stop all threads.
    gc.collect()
    gc.freeze()


def describe(settings: GenerateSettings, models: Models, reference: Reference | None = None) -> dict[str, Any]:
    """What ``dataset.json`` says of a data set."""
    sources = {"generator": models.generator_source, "alpha": models.alpha_source}
    identity = settings_module.identity(
        settings, {name: source.sha256 for name, source in sources.items()}, models.device.type
    )
    origin = {}
    if models.backgrounds:
        origin["backgrounds"] = {"name": settings.backgrounds, **models.backgrounds.identity}
        identity["background_images"] = "{images} images, SHA-256 {sha256}".format(**origin["backgrounds"])
    if reference is not None:
        origin["reference"] = identity["reference"] = reference_identity(reference)
    resolved = {"alpha": settings.alpha or settings.generator, "device": str(models.device)}
    return {
        "settings": settings.model_dump(mode="json") | resolved,
        "identity": identity,
        "fingerprint": settings_module.fingerprint(identity),
        "checkpoints": {name: asdict(source) for name, source in sources.items()},
        **origin,
        "versions": versions(_PACKAGES),
        "counts": {"samples": settings.n, "shards": settings.shards},
    }
