"""Data set folders read back as the samples that were written."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import UserError
from ..sample import Sample
from . import encoding, folder, layout


class Dataset:
    """The samples of a data set folder in order; iterate as often as you like.

    ``description`` is its ``dataset.json``.
    """

    def __init__(self, path: Path, shards: list[int], length: int):
        self.path = path
        self.description = folder.read_description(path)
        self._shards, self._length = shards, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Sample]:
        for shard in self._shards:
            yield from read_shard(self.path / layout.tar(shard))

    def members(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        """The same samples as they are stored: key, and encoded members by extension."""
        for shard in self._shards:
            yield from read_members(self.path / layout.tar(shard))


def open_dataset(path: str | Path, *, allow_incomplete: bool = False) -> Dataset:
    """Open a data set folder.

    Args:
        allow_incomplete: take the shards that are done when others are not.

    Raises:
        UserError: not a data set folder, or shards are missing.
    """
    path = Path(path).expanduser()
    description = folder.read_description(path)
    samples, per_shard = description["counts"]["samples"], description["settings"]["samples_per_shard"]
    counts = {shard: min(per_shard, samples - shard * per_shard) for shard in range(description["counts"]["shards"])}
    done = [shard for shard, samples in counts.items() if folder.shard_done(path, shard, samples)]
    if len(done) < len(counts) and not (allow_incomplete and done):
        raise UserError(
            str(path),
            got=f"a data set of which {len(done)} of {len(counts)} shards are finished",
            expected="a complete one",
            remedy="run the command that made it again to continue it",
        )
    return Dataset(path, done, sum(counts[shard] for shard in done))


def read_shard(path: Path) -> Iterator[Sample]:
    """The samples of one tar, in order.

    Raises:
        ValueError: a member is damaged or missing; names the sample.
    """
    for key, members in read_members(path):
        yield _decode(path, key, members)


def read_members(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The samples of one tar as they are stored, in order: key, and encoded members by extension."""
    with tarfile.open(path, "r|") as tar:
        key, members = None, {}
        for entry in tar:
            # The key ends at the first dot, as webdataset has it.
            entry_key, _, extension = entry.name.partition(".")
            if entry_key != key and members:
                yield key, members
                members = {}
            key = entry_key
            members[extension] = tar.extractfile(entry).read()
            tar.members.clear()  # a record of every member would be kept
        if members:
            yield key, members


def _decode(path: Path, key: str, members: dict[str, bytes]) -> Sample:
    try:
        return encoding.decode(members)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"sample {key} of {path} is damaged: {error}") from error
