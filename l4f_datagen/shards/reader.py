"""Data set folders read back as the samples that were written."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..mask_files import values as mask_values
from ..mask_files.values import MaskValues
from ..sample import Sample
from ..short import short
from ..storage.opening import open_store
from ..storage.store import Store
from . import finished, folder
from .damage import Damaged
from .format import encoding, layout, schema
from .format.tar import BLOCK
from .format.untar import Member, NotPlainTar, members, places

logger = logging.getLogger(__name__)

_LONGEST_LINE = 1 << 16


class Dataset:
    """The samples of a data set folder in order; iterate as often as you like.

    ``description`` is its ``dataset.json``; ``lengths`` maps each shard's number to its number of samples;
    ``mask_values`` is what its mask files hold.
    """

    def __init__(self, store: Store, description: Mapping[str, Any], lengths: Mapping[int, int]):
        self.store, self.description, self.lengths = store, description, lengths
        self.mask_values: MaskValues = mask_values.of_description(description)

    def __len__(self) -> int:
        return sum(self.lengths.values())

    def __repr__(self) -> str:
        return f"Dataset({str(self.store)!r}, {len(self)} samples in {len(self.lengths)} shards)"

    def __iter__(self) -> Iterator[Sample]:
        """Raises ``Damaged``, as ``members`` does."""
        for shard in self.lengths:
            for key, encoded in read_members(self.store, shard, wanted=self.wanted(shard)):
                yield decode(self.store, shard, key, encoded, self.mask_values)

    def members(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        """The same samples as they are stored: key, and encoded members by extension."""
        for shard in self.lengths:
            yield from read_members(self.store, shard, wanted=self.wanted(shard))

    def wanted(self, shard: int) -> range:
        """Global indices of the samples of a shard."""
        first = shard * self.description["settings"]["samples_per_shard"]
        return range(first, first + self.lengths[shard])


def open_dataset(place: str | Path | Store, *, allow_incomplete: bool = False) -> Dataset:
    """Open a data set folder: a path, or an address such as ``s3://BUCKET/PREFIX``.

    Args:
        allow_incomplete: read the finished shards even if others are still to be made.

    Raises:
        UserError: it is no data set folder, or shards are still to be made.
        Damaged: a file of a finished shard is missing, of another size, or of another data set.
    """
    store = open_store(place)
    description = folder.read_description(store)
    counts = folder.shard_lengths(description)
    begun = finished.look(store, counts, fingerprint=description["fingerprint"])
    for problem in begun.values():
        if problem is not None:
            raise problem
    lengths = {shard: counts[shard] for shard in begun}
    if len(lengths) < len(counts) and not (allow_incomplete and lengths):
        raise UserError(
            str(store),
            got=f"a data set of which {len(lengths)} of {len(counts)} shards are finished",
            expected="a complete one",
            remedy="run the command that made it again to continue it",
        )
    if len(lengths) < len(counts) and store.exists(layout.CHECKSUMS):  # which is written when all are there
        lost = store.where(layout.stats(next(shard for shard in counts if shard not in lengths)))
        logger.warning("%s is missing: %d of %d shards are read", lost, len(lengths), len(counts))
    return Dataset(store, description, lengths)


def read_members(
    store: Store, shard: int, *, first: int = 0, count: int | None = None, wanted: range | None = None
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The samples of one shard as they are stored, in order: key, and encoded members by extension.

    Args:
        first: sample to begin with, counted within the shard; reading begins there.
        count: how many; default: all that follow.
        wanted: global indices that the samples of the whole shard have to have.

    Raises:
        Damaged: the tar is damaged, or holds other samples than it should, or fewer.
    """
    where, last = store.where(layout.tar(shard)), None if count is None else first + count
    expected = None if wanted is None else iter(wanted[first:last])
    given = 0
    with _tar_told(store, shard), store.open(layout.tar(shard)) as file:
        start = _offset(store, shard, first)
        file.seek(start)
        for key, encoded in islice(_samples(members(file, start=start)), count):
            if expected is not None and key != (right := _key(expected)):
                raise Damaged(where, f"sample {short(key)} where {right or 'the end'} should be")
            yield key, encoded
            given += 1
    short_of = count if count is not None else None if wanted is None else len(wanted) - first
    if short_of is not None and given < short_of:
        raise Damaged(where, f"it ends after {first + given} samples")


def read_places(store: Store, shard: int, wanted: range) -> list[dict[str, tuple[int, int]]]:
    """Where the members of every sample of a shard stand in its tar: by extension, offset and size.

    Raises:
        Damaged: the tar is damaged, or holds other samples than ``wanted``.
    """
    where = store.where(layout.tar(shard))
    found: list[dict[str, tuple[int, int]]] = []
    keys: list[str] = []
    with _tar_told(store, shard), store.open(layout.tar(shard)) as file:
        for name, offset, size in places(file):
            key, _, extension = name.partition(".")
            if not keys or keys[-1] != key:
                if len(keys) >= len(wanted) or key != f"{wanted[len(keys)]:09d}":
                    raise Damaged(where, f"sample {short(key)} is not where it should be")
                keys.append(key)
                found.append({})
            found[-1][extension] = offset, size
    if len(found) < len(wanted):
        raise Damaged(where, f"it ends after {len(found)} samples")
    return found


@contextlib.contextmanager
def _tar_told(store: Store, shard: int) -> Iterator[None]:
    """Turn the errors of a tar that is damaged or missing into ``Damaged``."""
    where = store.where(layout.tar(shard))
    try:
        yield
    except NotPlainTar as error:
        raise Damaged(where, error) from error
    except FileNotFoundError as error:
        raise Damaged(where, "missing") from error
    except IsADirectoryError as error:
        raise Damaged(where, "a folder in its place") from error


def decode(store: Store, shard: int, key: str, encoded: Mapping[str, bytes], values: MaskValues) -> Sample:
    """Decode the members of a sample, whose mask holds such values.

    Raises:
        Damaged: a member is damaged or missing. The message names the sample.
    """
    with damage_told(store, shard, key):
        sample = encoding.decode(encoded, values)
        schema.check(sample.metadata, sample.mask.shape)
        return sample


@contextlib.contextmanager
def damage_told(store: Store, shard: int, key: str) -> Iterator[None]:
    """Turn the errors of decoders into ``Damaged``, which names the sample."""
    try:
        yield
    except Damaged:
        raise
    except encoding.ERRORS as error:
        problem = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise Damaged(store.where(layout.tar(shard)), short(problem, 200), sample=key) from error


def _key(expected: Iterator[int]) -> str | None:
    index = next(expected, None)
    return None if index is None else f"{index:09d}"


def _samples(found: Iterator[Member]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Group members that stand next to each other and share a key."""
    key, encoded = "", {}
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
    """Byte at which a sample begins in its tar, according to the DALI index."""
    if sample == 0:
        return 0
    name = layout.index(shard)
    try:
        with store.open(name) as file:
            # No line is that long, but a file without any would be one.
            line = next(islice(iter(lambda: file.readline(_LONGEST_LINE), b""), sample + 1, None), b"")
        start = int(line.split()[1]) - BLOCK
    except FileNotFoundError:
        raise Damaged(store.where(name), "missing") from None
    except (IndexError, ValueError):
        start = -1
    if start < 0:
        raise Damaged(store.where(name), f"it tells nothing of sample {sample}")
    return start
