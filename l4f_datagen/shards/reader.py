"""Data set folders read back as the samples that were written."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..sample import Sample
from . import encoding, folder, layout
from .store import Store, open_store
from .tar import BLOCK
from .untar import Member, NotPlainTar, members


class Dataset:
    """The samples of a data set folder in order; iterate as often as you like.

    ``description`` is its ``dataset.json``; ``lengths`` tells of every shard, by number, how many samples it has.
    """

    def __init__(self, store: Store, description: Mapping[str, Any], lengths: Mapping[int, int]):
        self.store, self.description, self.lengths = store, description, lengths

    def __len__(self) -> int:
        return sum(self.lengths.values())

    def __iter__(self) -> Iterator[Sample]:
        for shard in self.lengths:
            yield from read_shard(self.store, shard)

    def members(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        """The same samples as they are stored: key, and encoded members by extension."""
        for shard in self.lengths:
            yield from read_members(self.store, shard)


def open_dataset(place: str | Path | Store, *, allow_incomplete: bool = False) -> Dataset:
    """Open a data set folder: a path, or an address such as ``s3://BUCKET/PREFIX``.

    Args:
        allow_incomplete: take the shards that are done when others are not.

    Raises:
        UserError: not a data set folder, shards are missing, or some belong to another data set.
    """
    store = open_store(place)
    description = folder.read_description(store)
    counts = folder.shard_lengths(description)
    lengths = {
        shard: counts[shard] for shard in folder.done_shards(store, counts, fingerprint=description["fingerprint"])
    }
    if len(lengths) < len(counts) and not (allow_incomplete and lengths):
        raise UserError(
            str(store),
            got=f"a data set of which {len(lengths)} of {len(counts)} shards are finished",
            expected="a complete one",
            remedy="run the command that made it again to continue it",
        )
    return Dataset(store, description, lengths)


def read_shard(store: Store, shard: int) -> Iterator[Sample]:
    """The samples of one shard, in order.

    Raises:
        ValueError: the tar or a member is damaged, or one is missing; names the sample.
    """
    for key, encoded in read_members(store, shard):
        yield decode(store, shard, key, encoded)


def read_members(
    store: Store, shard: int, *, first: int = 0, count: int | None = None
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The samples of one shard as they are stored, in order: key, and encoded members by extension.

    Args:
        first: sample to begin with, counted within the shard; reading begins there.
        count: how many; default: all that follow.

    Raises:
        ValueError: the tar is damaged, or ends before ``first``.
    """
    with store.open(layout.tar(shard)) as file:
        start = _offset(store, shard, first)
        file.seek(start)
        try:
            yield from islice(_samples(members(file, start=start)), count)
        except NotPlainTar as error:
            raise ValueError(f"{store.where(layout.tar(shard))} is damaged: {error}") from error


def decode(store: Store, shard: int, key: str, encoded: Mapping[str, bytes]) -> Sample:
    """The sample of encoded members.

    Raises:
        ValueError: one is damaged or missing; names the sample.
    """
    try:
        return encoding.decode(encoded)
    except (KeyError, ValueError, OSError, SyntaxError) as error:
        raise damaged(store, shard, key, error) from error


def damaged(store: Store, shard: int, key: str, error: Exception) -> ValueError:
    """The error of a sample that cannot be decoded."""
    return ValueError(f"sample {key} of {store.where(layout.tar(shard))} is damaged: {error}")


def _samples(found: Iterator[Member]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Members that stand next to each other and share a key, together."""
    key, encoded = None, {}
    for name, _, content in found:
        # The key ends at the first dot, as webdataset has it.
        its_key, _, extension = name.partition(".")
        if its_key != key and encoded:
            yield key, encoded
            encoded = {}
        key = its_key
        encoded[extension] = content
    if encoded:
        yield key, encoded


def _offset(store: Store, shard: int, sample: int) -> int:
    """Where a sample begins in its tar, as the DALI index says."""
    if sample == 0:
        return 0
    name = layout.index(shard)
    with store.open(name) as file:
        line = next(islice(file, sample + 1, None), b"")
    try:
        return int(line.split()[1]) - BLOCK
    except (IndexError, ValueError):
        raise ValueError(f"{store.where(name)} is damaged: it tells nothing of sample {sample}") from None
