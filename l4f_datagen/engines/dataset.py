"""One process writes a data set folder, shard after shard; where the samples come from is the caller's."""

import contextlib
import errno
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import WorkError
from ..sample import Sample
from ..settings import GenerateSettings, ImportSettings, RenderSettings
from ..shards import folder as folders
from ..shards.writer import write_shard

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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


def write_dataset(
    settings: GenerateSettings | RenderSettings | ImportSettings,
    out: str | Path,
    description: Mapping[str, Any],
    make: Callable[[Sequence[int]], Iterator[Sample]],
    *,
    overwrite: bool,
    report: Callable[[Progress], None],
) -> Progress:
    """Write a data set into the folder ``out``, or continue it. Calls ``report`` after every sample.

    Args:
        description: content of ``dataset.json``, as ``folder.open_for_writing`` takes it.
        make: shards that are to be made → their samples in order; closed when it is not needed any more.

    Raises:
        UserError: the folder is not usable; nothing was written.
        WorkError: the disk is full; finished shards stay, and the same call continues.
    """
    out = Path(out).expanduser()
    folders.open_for_writing(out, description, overwrite=overwrite)
    pending = [
        shard
        for shard in range(settings.shards)
        if not folders.shard_done(out, shard, len(settings.shard_indices(shard)))
    ]
    to_make, made = sum(len(settings.shard_indices(shard)) for shard in pending), 0
    progress = Progress(settings.shards, settings.shards, made, to_make, settings.n)
    with contextlib.closing(make(pending)) as samples:
        for shard in pending:

            def step(shard: int = shard) -> None:
                nonlocal made, progress
                made += 1
                progress = Progress(shard, settings.shards, made, to_make, settings.n)
                report(progress)

            with _explaining_full_disk(shard):
                folders.remove_shard(out, shard)
                write_shard(
                    out,
                    shard,
                    islice(samples, len(settings.shard_indices(shard))),
                    image_format=settings.image_format,
                    quality=settings.quality,
                    report=step,
                )
    with _explaining_full_disk(settings.shards - 1):
        folders.finalize(out, settings.shards)
    return progress


def versions(packages: Sequence[str]) -> Mapping[str, str]:
    """Versions of Python and of those of ``packages`` that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


@contextlib.contextmanager
def _explaining_full_disk(shard: int):
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise WorkError(
            f"no room left while writing shard {shard} ({error.strerror}): the finished shards stay; "
            "make room and run the same command again to continue"
        ) from error
