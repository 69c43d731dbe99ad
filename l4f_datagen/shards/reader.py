"""Data set folders read back as the samples that were written."""

import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..sample import Sample
from . import encoding, folder, layout
from .store import Store, open_store


class Dataset:
    """The samples of a data set folder in order; iterate as often as you like.

    ``description`` is its ``dataset.json``.
    """

    def __init__(self, store: Store, description: Mapping[str, Any], shards: list[int], length: int):
        self.store, self.description = store, description
        self._shards, self._length = shards, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Sample]:
        for shard in self._shards:
            yield from read_shard(self.store, shard)


def open_dataset(place: str | Path | Store, *, allow_incomplete: bool = False) -> Dataset:
    """Open a data set folder: a path, or an address such as ``s3://BUCKET/PREFIX``.

    Args:
        allow_incomplete: take the shards that are done when others are not.

    Raises:
        UserError: not a data set folder, or shards are missing.
    """
    store = open_store(place)
    description = folder.read_description(store)
    samples, per_shard = description["counts"]["samples"], description["settings"]["samples_per_shard"]
    counts = {shard: min(per_shard, samples - shard * per_shard) for shard in range(description["counts"]["shards"])}
    done = folder.done_shards(store, counts)
    if len(done) < len(counts) and not (allow_incomplete and done):
        raise UserError(
            str(store),
            got=f"a data set of which {len(done)} of {len(counts)} shards are finished",
            expected="a complete one",
            remedy="run the command that made it again to continue it",
        )
    return Dataset(store, description, done, sum(counts[shard] for shard in done))


def read_shard(store: Store, shard: int) -> Iterator[Sample]:
    """The samples of one shard, in order.

    Raises:
        ValueError: a member is damaged or missing; names the sample.
    """
    where = store.where(layout.tar(shard))
    with store.open(layout.tar(shard)) as file, tarfile.open(fileobj=file, mode="r|") as tar:
        key, members = None, {}
        for entry in tar:
            # The key ends at the first dot, as webdataset has it.
            entry_key, _, extension = entry.name.partition(".")
            if entry_key != key and members:
                yield _decode(where, key, members)
                members = {}
            key = entry_key
            members[extension] = tar.extractfile(entry).read()
            tar.members.clear()  # a record of every member would be kept
        if members:
            yield _decode(where, key, members)


def _decode(where: str, key: str, members: dict[str, bytes]) -> Sample:
    try:
        return encoding.decode(members)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"sample {key} of {where} is damaged: {error}") from error
