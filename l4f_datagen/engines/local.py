"""This machine makes all shards: in this process, or in one process per device."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ..devices import resolve_device
from ..generation.filters import Reference, with_reference
from ..generation.models import Models, asked_for, load_models
from ..generation.recommended import with_recommended
from ..generation.stream import stream
from ..making.extending import with_begun
from ..making.trunk import planned, write_dataset
from ..process.spending import SPENDING
from ..progress.samples import shown_in_notebooks
from ..progress.state import Progress
from ..settings import GenerateSettings
from ..storage.store import Store
from .crew import drive
from .description import arithmetic, describe, describe_for
from .job import Job
from .sending import packed
from .workers import WorkerProcesses

logger = logging.getLogger(__name__)


def generate(
    settings: GenerateSettings,
    out: str | Path | Store,
    *,
    overwrite: bool = False,
    report: Callable[[Progress], None] | None = None,
    models: Models | None = None,
    shards: range | None = None,
    devices: Sequence[str] = (),
    reference: Reference | str | Path | None = None,
    allow_mixed: bool = False,
) -> Progress:
    """Write the data set of ``settings`` into the folder ``out``, or continue it.

    Shards that are finished stay as they are. Settings that were not given are as the checkpoint's card recommends,
    else their defaults.

    Args:
        report: called after every sample, or with several processes a few times a second; None: progress is shown
            where a notebook called.
        models: networks that are loaded already; for one device.
        shards: make these only, and not the files over all shards: ``dataset.finalize`` does.
        devices: one process for each of them, such as cuda:0 and cuda:1; none or one: no process but this one.
        reference: what has to agree with every sample: a function, which several processes have to be able to import,
            or the path of a detector with masks, which stands for the setting of this name. Only the same one continues
            the data set.
        allow_mixed: continue a data set whose shards were made by another arithmetic: other versions, or another kind
            of processor, whose samples differ.

    Raises:
        UserError: checkpoints, images, reference, device or folder are not usable, or shards there were made by another
            arithmetic; nothing was written.
        WorkError: the disk is full, or hardly any candidate passes the filters; finished shards stay, and the
            same call continues.
    """
    common = {"overwrite": overwrite, "shards": shards, "allow_mixed": allow_mixed}
    with shown_in_notebooks(report) as told:
        settings, function = with_reference(settings, reference)
        settings = with_begun(settings, out, overwrite=overwrite)
        settings = with_recommended(settings, models.recommended if models else None)
        if len(devices) > 1:
            return _side_by_side(settings, out, devices, function, report=told, **common)
        if devices:
            settings = settings.model_copy(update={"device": devices[0]})
        models = asked_for(models, settings) if models else load_models(settings)
        with SPENDING.told(logger):
            return write_dataset(
                settings,
                out,
                describe(settings, models, function),
                lambda pending: stream(settings, shards=pending, models=models, reference=function),
                report=told,
                probe=lambda: arithmetic(settings, models),
                **common,
            )


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
    out: str | Path | Store,
    devices: Sequence[str],
    reference: Reference | None,
    *,
    report: Callable[[Progress], None],
    **common: Any,
) -> Progress:
    for device in devices:
        resolve_device(device)
    sent = packed(reference)
    description = describe_for(settings, torch.device(devices[0]).type, reference)
    threads = max(1, torch.get_num_threads() // len(devices))
    with planned(settings, out, description, **common) as plan:
        if not plan.pending:
            return plan.progress(settings.shards, 0, 0)
        job = Job(settings, plan.out, description, sent, threads, plan.allow_mixed)
        with WorkerProcesses(job, devices) as crew:
            return drive(crew, plan, report)
