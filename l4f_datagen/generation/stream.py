"""One lazy stream of samples. The writer of shards, the preview and the evaluation all read it."""

import contextlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import torch

from ..devices import explaining_memory
from ..overlap import ordered_map
from ..process.cores import cores
from ..sample import Sample
from ..settings import GenerateSettings, resolved_precision
from .batch import Batch, finish, run_networks
from .filters import BLOCK, CandidateTally, Filters, Reference, first_accepted, with_reference
from .latents import Candidate
from .models import Models, asked_for, load_models
from .recommended import with_recommended
from .side_by_side import one_thread, workers_for

_READERS = min(8, cores())
"""Threads that read images for backgrounds."""


def stream(
    settings: GenerateSettings,
    *,
    shards: Iterable[int] | None = None,
    models: Models | None = None,
    reference: Reference | str | Path | None = None,
) -> Generator[Sample]:
    """Generate the samples of ``settings`` in order, working ahead in threads.

    Settings that were not given are as the checkpoint's card recommends, else their defaults.

    On a CPU, each batch is computed by one thread, and several batches are computed side by side: a small network gains
    more from that than from threads within its layers, and no bit depends on the number of cores.

    Args:
        shards: numbers of the shards whose samples to make; default: all.
        models: what ``load_models`` gave for the same settings; default: they are loaded.
        reference: what has to agree with every sample: a function, or the path of a detector with masks, which stands
            for the setting of this name.

    Raises:
        UserError: the reference cannot be used.
        WorkError: there is too little memory, or hardly any candidate passes the filters.
    """
    settings, function = with_reference(settings, reference)
    models = asked_for(models, settings) if models else load_models(settings)
    settings = with_recommended(settings, models.recommended)
    shards = range(settings.shards) if shards is None else shards
    filters = Filters(settings, function or models.reference)
    with contextlib.ExitStack() as stack:
        if models.device.type == "cpu":
            # Also the default of threads to come, so it is put back at the end.
            stack.callback(torch.set_num_threads, torch.get_num_threads())
        readers, stopped = stack.enter_context(ThreadPoolExecutor(_READERS)), Event()
        if filters:
            results = _filtered(settings, models, shards, readers, filters, stopped)
        else:
            results = _unfiltered(settings, models, shards, readers)
        stack.enter_context(contextlib.closing(results))
        stack.callback(stopped.set)  # before the closing, which waits
        for samples in results:
            yield from samples


def _unfiltered(
    settings: GenerateSettings, models: Models, shards: Iterable[int], readers: Executor
) -> Generator[list[Sample]]:
    """The samples, batch by batch, where there are no filters: every first candidate becomes one."""
    workers = workers_for(models, settings.batch_size)

    def compute(batch: tuple[int, Sequence[int]]) -> Batch:
        shard, indices = batch
        with _explaining_failures(settings, models):
            return run_networks(settings, models, shard, [Candidate(index) for index in indices], readers)

    batches, ahead = _blocks(settings, shards, settings.batch_size), 3 * workers
    if models.device.type == "cpu":
        # One thread does both: more threads than cores would only stand in each other's way.
        made = ordered_map(
            lambda batch: finish(settings, compute(batch)),
            batches,
            workers=workers,
            ahead=ahead,
            initializer=one_thread,
        )
        with contextlib.closing(made):
            yield from made
        return
    # The device must not wait for scores, which other threads compute: on a fourth of the cores, while half of them
    # encode.
    scorers = max(2, cores() // 4)
    with contextlib.closing(ordered_map(compute, batches, workers=workers, ahead=ahead)) as computed:
        finished = ordered_map(lambda arrays: finish(settings, arrays), computed, workers=scorers, ahead=2 * scorers)
        with contextlib.closing(finished):
            yield from finished


def _filtered(
    settings: GenerateSettings,
    models: Models,
    shards: Iterable[int],
    readers: Executor,
    filters: Filters,
    stopped: Event,
) -> Generator[list[Sample]]:
    """The samples, block by block: each is the first candidate that passes. ``stopped`` ends the search for it."""
    on_cpu = models.device.type == "cpu"
    workers = workers_for(models, settings.batch_size)
    workers += models.device.type == "cuda"  # each computes scores in turn with networks
    tally = CandidateTally(filters.bounds)

    def run(block: tuple[int, Sequence[int]]) -> list[Sample]:
        shard, indices = block

        def draw(candidates: Sequence[Candidate]) -> list[Sample]:
            return finish(settings, run_networks(settings, models, shard, candidates, readers))

        with _explaining_failures(settings, models):
            return first_accepted(indices, draw, filters, batch_size=settings.batch_size, tally=tally, stopped=stopped)

    blocks = _blocks(settings, shards, BLOCK * settings.batch_size)
    initializer = one_thread if on_cpu else None
    return ordered_map(run, blocks, workers=workers, ahead=workers + 1, initializer=initializer)


def _blocks(settings: GenerateSettings, shards: Iterable[int], size: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Shard and sample indices, up to ``size`` at a time.

    Blocks start anew with every shard, so that a shard's bytes do not depend on the shards before it.
    """
    for shard in shards:
        indices = settings.shard_indices(shard)
        for start in range(0, len(indices), size):
            yield shard, indices[start : start + size]


def _explaining_failures(settings: GenerateSettings, models: Models) -> contextlib.AbstractContextManager[None]:
    """Too little memory, or a GPU that fails, in one line that names what needs less."""
    less = "use a smaller --batch-size"
    if models.device.type == "cuda" and resolved_precision(settings.precision, "cuda") != "half":
        less += ", or --precision half in another folder, which takes half as much"
    elif models.device.type == "cuda":
        less += "; half precision, which takes least, is used already"
    return explaining_memory(models.device, settings.batch_size, less)
