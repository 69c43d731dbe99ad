"""The trunk of all engines: open a data set folder, see what is pending, make a shard, finish.

Where the samples come from, and in which process, is the caller's.
"""

import contextlib
import logging
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from ..atomic import CannotWrite
from ..errors import UserError, WorkError
from ..sample import Sample
from ..settings import GenerateSettings, ImportSettings, RenderSettings
from ..shards import finished, layout
from ..shards import folder as folders
from ..shards.lock import Lock, writing
from ..shards.store import Store, open_store
from ..shards.writer import write_shard
from ..short import short

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    shard: int
    """The shard in work."""
    shards: int
    made: int
    """Samples that this run made."""
    to_make: int
    """Samples that this run has to make."""
    samples: int
    """Samples of the data set."""


@dataclass(frozen=True)
class Plan:
    """What a run has to do in a data set folder."""

    settings: GenerateSettings | RenderSettings
    out: Store
    lock: Lock
    fingerprint: str
    """Of the data set's settings."""
    pending: Sequence[int]
    """Shards that are to be made, in order."""

    @property
    def to_make(self) -> int:
        """Samples of all pending shards."""
        return sum(self.count(shard) for shard in self.pending)

    def count(self, shard: int) -> int:
        """Samples of one shard."""
        return len(self.settings.shard_indices(shard))

    def progress(self, shard: int, made: int, to_make: int) -> Progress:
        """Where a run stands that works on ``shard``."""
        return Progress(shard, self.settings.shards, made, to_make, self.settings.n)


@contextlib.contextmanager
def planned(
    settings: GenerateSettings | RenderSettings,
    out: str | Path,
    description: Mapping[str, Any],
    *,
    overwrite: bool = False,
    shards: range | None = None,
) -> Iterator[Plan]:
    """Open the folder ``out`` for a block that makes what is pending.

    Args:
        description: content of ``dataset.json``, as ``folder.open_for_writing`` takes it.
        shards: a part of the data set; other processes may write other parts at the same time. None is all of it,
            and then the files over all shards are written when the block ends well.

    Raises:
        UserError: the folder is not usable, or somebody else is writing these shards; nothing was written.
        WorkError: the disk is full; finished shards stay.
    """
    store = open_store(out)
    if overwrite and shards is not None:
        raise UserError(
            "overwrite", got="a range of shards with it", expected="either",
            remedy="remove the folder once, before the first range is made",
        )  # fmt: skip
    with writing(store, shards) as lock:
        folders.open_for_writing(store, description, overwrite=overwrite, shards=shards)
        wanted = range(settings.shards) if shards is None else shards
        done = _sound(store, folders.shard_lengths(description), wanted, description["fingerprint"])
        yield Plan(settings, store, lock, description["fingerprint"], [shard for shard in wanted if shard not in done])
        if shards is None:
            _finish(store)


def make_shard(
    settings: GenerateSettings | RenderSettings,
    out: Store,
    shard: int,
    samples: Iterable[Sample],
    report: Callable[[], None] = lambda: None,
    *,
    fingerprint: str,
) -> None:
    """Write one shard from the first of ``samples``. Calls ``report`` after every sample.

    ``fingerprint`` is that of the data set's ``dataset.json``.

    Raises:
        WorkError: the disk is full.
    """
    with _explaining_full_disk(f"shard {shard}"):
        folders.remove_shard(out, shard)
        write_shard(
            out,
            shard,
            islice(samples, len(settings.shard_indices(shard))),
            image_format=settings.image_format,
            quality=settings.quality,
            fingerprint=fingerprint,
            report=report,
        )


def write_dataset(
    settings: GenerateSettings | RenderSettings | ImportSettings,
    out: str | Path,
    description: Mapping[str, Any],
    make: Callable[[Sequence[int]], Iterator[Sample]],
    *,
    overwrite: bool,
    report: Callable[[Progress], None],
    shards: range | None = None,
) -> Progress:
    """Write a data set, or a part of it, in this process; continues what was begun. Reports after every sample.

    Args:
        make: shards that are to be made → their samples in order; closed when it is not needed any more.

    The other arguments and what is raised are those of ``planned``.
    """
    with planned(settings, out, description, overwrite=overwrite, shards=shards) as plan:
        to_make, made = plan.to_make, 0
        progress = plan.progress(settings.shards, made, to_make)
        with contextlib.closing(make(plan.pending)) as samples:
            for shard in plan.pending:
                plan.lock.check()

                def step(shard: int = shard) -> None:
                    nonlocal made, progress
                    made += 1
                    progress = plan.progress(shard, made, to_make)
                    report(progress)

                make_shard(settings, plan.out, shard, samples, step, fingerprint=plan.fingerprint)
    return progress


def finalize(out: str | Path) -> Mapping[str, Any]:
    """Write the files over all shards of a data set whose every shard is done. Returns its description.

    Raises:
        UserError: no data set, somebody is writing into it, or shards are missing; lists them.
        Damaged: a shard is not as it was written.
        WorkError: the disk is full.
    """
    store = open_store(out)
    folders.read_description(store)  # what is no data set is left alone
    with writing(store):
        return _finish(store)


def as_ranges(shards: Iterable[int]) -> str:
    """Sorted numbers as the ranges that ``--shard-range`` takes: 0:2, 5:6."""
    ranges = []
    for shard in shards:
        if ranges and ranges[-1][1] == shard:
            ranges[-1][1] = shard + 1
        else:
            ranges.append([shard, shard + 1])
    return ", ".join(f"{start}:{stop}" for start, stop in ranges)


def _sound(store: Store, lengths: Mapping[int, int], wanted: range, fingerprint: str) -> set[int]:
    """Those of ``wanted`` that are finished; says which of them are not as they were written."""
    sound = set()
    for shard, problem in finished.look(store, lengths, fingerprint=fingerprint, closely=True).items():
        if shard in wanted and problem is not None:
            logger.warning("%s is damaged: %s; the shard is made again", problem.file, problem.problem)
        elif problem is None:
            sound.add(shard)
    return sound


def _finish(store: Store) -> Mapping[str, Any]:
    description = folders.read_description(store)
    counts = folders.shard_lengths(description)
    begun = finished.look(store, counts, fingerprint=description["fingerprint"], closely=True)
    for problem in begun.values():
        if problem is not None:
            raise problem
    if missing := [shard for shard in counts if shard not in begun]:
        raise UserError(
            str(store),
            got=f"a data set without {len(missing)} of its {len(counts)} shards: {short(as_ranges(missing), 300)}",
            expected="all of them",
            remedy="make them by the same command, with each of these as --shard-range or without one",
        )
    with _explaining_full_disk(layout.METADATA):
        folders.finalize(store, len(counts))
    return description


def versions(packages: Sequence[str]) -> Mapping[str, str]:
    """Versions of Python and of those of ``packages`` that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


@contextlib.contextmanager
def _explaining_full_disk(what: str):
    try:
        yield
    except CannotWrite as error:
        if not error.full:
            raise
        raise WorkError(
            f"no room left while writing {what} ({error.reason}): the finished shards stay; "
            "make room and run the same command again to continue"
        ) from error
