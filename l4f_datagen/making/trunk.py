"""The trunk of all that makes data sets: open the folder, see what is pending, make shards, finish.

Callers decide where samples come from, and in which process.
"""

import contextlib
import functools
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import UserError, WorkError
from ..progress.state import Progress
from ..sample import Sample
from ..settings import CodesSettings, GenerateSettings, ImportSettings, RenderSettings
from ..shards import finished
from ..shards import folder as folders
from ..shards.format import arithmetic, layout, sealed
from ..shards.format.arithmetic import Arithmetic
from ..shards.mixing import refuse_mixed, refuse_mixture
from ..shards.ranges import as_ranges
from ..shards.writer import write_shard
from ..short import short
from ..storage.atomic import CannotWrite
from ..storage.lock import Lock, writing
from ..storage.opening import open_store
from ..storage.store import Store

logger = logging.getLogger(__name__)

Making = GenerateSettings | RenderSettings | ImportSettings | CodesSettings
"""Settings of whatever makes a data set."""


@dataclass(frozen=True)
class ShardPlan:
    """What a run has to do in a data set folder."""

    settings: Making
    out: Store
    lock: Lock
    fingerprint: str
    """Fingerprint of the data set's settings."""
    pending: Sequence[int]
    """Numbers of the shards to make, in order."""
    done: Sequence[int]
    """Numbers of the wanted shards that are finished."""
    allow_mixed: bool = False
    """Whether somebody insists on another arithmetic than that of the finished shards."""

    def admit(self, here: Arithmetic) -> None:
        """Accept an arithmetic that will make shards. The first one becomes the data set's.

        Raises:
            UserError: it differs from that of the data set.
        """
        description = folders.read_description(self.out)
        refuse_mixture(self.out, description, self.done, here, allow_mixed=self.allow_mixed)
        if arithmetic.KEY in description and description[arithmetic.KEY] is None:
            self.out.write_bytes(layout.DATASET, sealed.seal(description | _of_dataset(here)))

    @property
    def to_make(self) -> int:
        """Number of samples of all pending shards."""
        return sum(self.count(shard) for shard in self.pending)

    def count(self, shard: int) -> int:
        """Number of samples of a shard."""
        return len(self.settings.shard_indices(shard))

    def progress(self, shard: int, made: int, to_make: int) -> Progress:
        """Progress of a run that works on ``shard`` and has made ``made`` of ``to_make`` samples."""
        return Progress(shard, self.settings.shards, made, to_make, self.settings.samples)


@contextlib.contextmanager
def planned(
    settings: Making,
    out: str | Path | Store,
    description: Mapping[str, Any],
    *,
    overwrite: bool = False,
    shards: range | None = None,
    probe: Callable[[], Arithmetic] | None = None,
    allow_mixed: bool = False,
) -> Iterator[ShardPlan]:
    """Open the folder ``out`` for a block that makes the pending shards.

    Args:
        description: content of ``dataset.json``, as ``folder.open_for_writing`` takes it.
        probe: gives the arithmetic by which the block makes shards; called if there are any to make. None: the block
            calls ``ShardPlan.admit`` itself.
        allow_mixed: accept another arithmetic than that of the data set.
        shards: a part of the data set; other processes may write other parts at the same time. None is all of it,
            and then the files over all shards are written when the block ends well.

    Raises:
        UserError: the folder is not usable, shards made here would differ from those that are there, or somebody else
            is writing these shards; nothing was written.
        WorkError: the disk is full; finished shards stay.
    """
    store = open_store(out)
    if overwrite and shards is not None:
        raise UserError(
            "overwrite", got="a range of shards with it", expected="either",
            remedy="remove the folder once, before the first range is made",
        )  # fmt: skip
    with writing(store, shards) as lock:
        wanted = range(settings.shards) if shards is None else shards
        lengths, fingerprint = folders.shard_lengths(description), description["fingerprint"]
        there = None if overwrite or not store.exists(layout.DATASET) else folders.read_description(store)
        if there is None:
            description = {**description, **_of_dataset(probe() if probe else None)}
        else:
            # What is refused is refused before anything is changed.
            folders.check_same(store, there, description)
            done = _sound(store, lengths, wanted, fingerprint)
            if probe and not done.issuperset(wanted):
                refuse_mixture(store, there, sorted(done), probe(), allow_mixed=allow_mixed)
            description = {**description, **{name: there[name] for name in _KEPT if name in there}}
        folders.open_for_writing(store, description, overwrite=overwrite, shards=shards)
        if there is None:
            done = _sound(store, lengths, wanted, fingerprint)
        pending = [shard for shard in wanted if shard not in done]
        plan = ShardPlan(settings, store, lock, fingerprint, pending, sorted(done), allow_mixed)
        if probe and pending and (there is None or there.get(arithmetic.KEY, "unknown") is None):
            plan.admit(probe())  # of a new data set another process may have been the first
        yield plan
        if shards is None:
            _finish(store)


_KEPT = (arithmetic.KEY, arithmetic.ALLOWED)
"""Parts of ``dataset.json`` that stay what they were when a data set is continued."""


def _of_dataset(here: Arithmetic | None) -> dict[str, Any]:
    """What ``dataset.json`` says of the arithmetic, besides versions. None: nothing is known yet."""
    return {arithmetic.KEY: here and {"probe": here.probe, "processor": here.processor}}


def make_shard(
    settings: Making,
    out: Store,
    shard: int,
    samples: Iterable[Sample],
    report: Callable[[], None] = lambda: None,
    *,
    fingerprint: str,
    made_by: Mapping[str, Any] | None = None,
) -> None:
    """Write one shard from the next of ``samples``. Calls ``report`` after every sample.

    Args:
        fingerprint: of the data set's settings.
        made_by: what the stats say of the arithmetic that made the samples.

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
            mask_values=settings.mask_values,
            fingerprint=fingerprint,
            made_by=made_by,
            report=report,
        )


def made_by(here: Arithmetic, *, allow_mixed: bool) -> dict[str, Any]:
    """What the stats of a shard say of the arithmetic that made it."""
    return {arithmetic.KEY: here.as_json(), **({arithmetic.ALLOWED: True} if allow_mixed else {})}


def write_dataset(
    settings: Making,
    out: str | Path | Store,
    description: Mapping[str, Any],
    make: Callable[[Sequence[int]], Generator[Sample]],
    *,
    overwrite: bool,
    report: Callable[[Progress], None],
    shards: range | None = None,
    probe: Callable[[], Arithmetic],
    allow_mixed: bool = False,
) -> Progress:
    """Write a data set, or a part of it, in this process; continues what was begun. Reports after every sample.

    Args:
        make: gives the samples of these shards, in order; closed when no more are needed.

    The other arguments and what is raised are those of ``planned``.
    """
    probe = functools.cache(probe)
    common = {"overwrite": overwrite, "shards": shards, "probe": probe, "allow_mixed": allow_mixed}
    with planned(settings, out, description, **common) as plan:
        to_make, made = plan.to_make, 0
        told = made_by(probe(), allow_mixed=allow_mixed) if plan.pending else None
        progress = plan.progress(settings.shards, made, to_make)
        with contextlib.closing(make(plan.pending)) as samples:
            for shard in plan.pending:
                plan.lock.check()

                def step(shard: int = shard) -> None:
                    nonlocal made, progress
                    made += 1
                    progress = plan.progress(shard, made, to_make)
                    report(progress)

                make_shard(settings, plan.out, shard, samples, step, fingerprint=plan.fingerprint, made_by=told)
    return progress


def finalize(out: str | Path | Store, *, allow_mixed: bool = False) -> Mapping[str, Any]:
    """Write the files over all shards of a data set whose shards are all done. Returns its ``dataset.json``.

    Args:
        allow_mixed: take shards of several arithmetics, and note in ``dataset.json`` that this was insisted on.

    Raises:
        UserError: no data set, somebody is writing into it, shards are missing, which are listed, or they were made by
            several arithmetics.
        Damaged: a shard is not as it was written.
        WorkError: the disk is full.
    """
    store = open_store(out)
    folders.read_description(store)  # what is no data set is left alone
    with writing(store):
        return _finish(store, allow_mixed=allow_mixed)


def _sound(store: Store, lengths: Mapping[int, int], wanted: range, fingerprint: str) -> set[int]:
    """The shards of ``wanted`` that are finished and sound. Warns of those that are damaged."""
    sound = set()
    for shard, problem in finished.look(store, lengths, fingerprint=fingerprint, closely=True).items():
        if shard in wanted and problem is not None:
            logger.warning("%s is damaged: %s; the shard is made again", problem.file, problem.problem)
        elif problem is None:
            sound.add(shard)
    return sound


def _finish(store: Store, *, allow_mixed: bool = False) -> Mapping[str, Any]:
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
    try:
        refuse_mixed(store, description, counts)
    except UserError:
        if not allow_mixed:
            raise
        description = {**description, arithmetic.ALLOWED: True}
        store.remove(layout.CHECKSUMS)
        store.write_bytes(layout.DATASET, sealed.seal(description))
    with _explaining_full_disk(layout.METADATA):
        folders.finalize(store, len(counts))
    return description


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
