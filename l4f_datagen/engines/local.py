"""This machine makes all shards: in this process, or in one process per device."""

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import torch

from .. import settings as settings_module
from ..devices import resolve_device
from ..errors import UserError
from ..generation.filters import Reference, reference_identity
from ..generation.stream import Models, load_models, stream
from ..making.probes import of_generation
from ..making.trunk import planned, versions, write_dataset
from ..progress.samples import shown_in_notebooks
from ..progress.state import Progress
from ..settings import GenerateSettings
from ..shards.format.arithmetic import Arithmetic

_PACKAGES = ("l4f-datagen", "torch", "numpy", "opencv-python-headless", "pillow", "pyarrow")


def generate(
    settings: GenerateSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Callable[[Progress], None] | None = None,
    models: Models | None = None,
    shards: range | None = None,
    devices: Sequence[str] = (),
    reference: Reference | None = None,
    allow_mixed: bool = False,
) -> Progress:
    """Write the data set of ``settings`` into the folder ``out``, or continue it.

    Shards that are finished stay as they are.

    Args:
        report: called after every sample, or with several processes a few times a second; None: progress is shown
            where a notebook called.
        models: networks that are loaded already; for one device.
        shards: make these only, and not the files over all shards: ``dataset.finalize`` does.
        devices: one process for each of them, such as cuda:0 and cuda:1; none or one: no process but this one.
        reference: what has to agree with every sample; only the same one continues the data set.
        allow_mixed: continue a data set whose shards were made by another arithmetic: other versions, or another kind
            of processor, whose samples differ.

    Raises:
        UserError: checkpoints, images, device or folder are not usable, or shards there were made by another
            arithmetic; nothing was written.
        WorkError: the disk is full, or hardly any candidate passes the filters; finished shards stay, and the
            same call continues.
    """
    if len(devices) > 1 and reference is not None:
        raise UserError(
            "devices", got=f"{', '.join(devices)} and a reference", expected="one device with a reference",
            remedy="run one command for each device, with ranges of shards",
        )  # fmt: skip
    common = {"overwrite": overwrite, "shards": shards, "allow_mixed": allow_mixed}
    with shown_in_notebooks(report) as told:
        if len(devices) > 1:
            return _side_by_side(settings, out, devices, report=told, **common)
        if devices:
            settings = settings.model_copy(update={"device": devices[0]})
        models = models or load_models(settings)
        return write_dataset(
            settings,
            out,
            describe(settings, models, reference),
            lambda pending: stream(settings, shards=pending, models=models, reference=reference),
            report=told,
            probe=lambda: arithmetic(settings, models),
            **common,
        )


def arithmetic(settings: GenerateSettings, models: Models) -> Arithmetic:
    """What makes the samples of these settings in this process: versions, processor, and a probe."""
    return of_generation(settings, models, _PACKAGES)


def visible_devices(settings: GenerateSettings) -> tuple[str, ...]:
    """The devices that ``settings.device`` allows: all GPUs, unless it names one or the CPU.

    Raises:
        UserError: the device is absent.
    """
    device = resolve_device(settings.device)
    if device.type != "cuda" or device.index is not None:
        return (str(device),)
    count = torch.cuda.device_count()
    return tuple(f"cuda:{index}" for index in range(count)) if count > 1 else (str(device),)


def _side_by_side(
    settings: GenerateSettings,
    out: str | Path,
    devices: Sequence[str],
    *,
    report: Callable[[Progress], None],
    **common: Any,
) -> Progress:
    # Imported here: this module is what a worker process imports.
    from .crew import drive
    from .maker import Job
    from .processes import Processes

    for device in devices:
        resolve_device(device)
    description = describe_for(settings, torch.device(devices[0]).type)
    threads = max(1, torch.get_num_threads() // len(devices))
    with planned(settings, out, description, **common) as plan:
        if not plan.pending:
            return plan.progress(settings.shards, 0, 0)
        with Processes(Job(settings, plan.out, description, threads, plan.allow_mixed), devices) as crew:
            return drive(crew, plan, report)


def prepare_process() -> None:
    """Set up the whole process for ``generate``: for programs, not libraries."""
    # Samples are encoded side by side; threads within one would only get in the way.
    cv2.setNumThreads(1)
    # The networks' threads ask for the interpreter's lock after every operation: let nobody keep it for long.
    sys.setswitchinterval(5e-4)
    # What the libraries made on import stays: walking through it again and again would stop all threads.
    gc.collect()
    gc.freeze()


def describe(
    settings: GenerateSettings, models: Models, reference: Reference | None = None, *, device: str | None = None
) -> dict[str, Any]:
    """What ``dataset.json`` says of a data set; ``device`` when other processes make it, not that of ``models``."""
    sources = {"generator": models.generator_source, "alpha": models.alpha_source}
    device = device or str(models.device)
    identity = settings_module.identity(
        settings, {name: source.sha256 for name, source in sources.items()}, torch.device(device).type
    )
    origin = {}
    if models.backgrounds:
        origin["backgrounds"] = {"name": settings.backgrounds, **models.backgrounds.identity}
        identity["background_images"] = "{images} images, SHA-256 {sha256}".format(**origin["backgrounds"])
    if reference is not None:
        origin["reference"] = identity["reference"] = reference_identity(reference)
    resolved = {"alpha": settings.alpha or settings.generator, "device": device}
    return {
        "settings": settings.model_dump(mode="json") | resolved,
        "identity": identity,
        "fingerprint": settings_module.fingerprint(identity),
        "checkpoints": {name: asdict(source) for name, source in sources.items()},
        **origin,
        "versions": versions(_PACKAGES),
        "counts": {"samples": settings.n, "shards": settings.shards},
    }


def describe_for(settings: GenerateSettings, device: str) -> dict[str, Any]:
    """``describe`` for other processes, which compute on ``device``; this one need not have such a device.

    Raises:
        UserError: a checkpoint cannot be read, or the two do not fit.
    """
    return describe(settings, load_models(settings.model_copy(update={"device": "cpu"})), device=device)
