"""The torch ``IterableDataset`` around a data set folder."""

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from ..overlap import ordered_map
from ..sample import Sample
from ..shards.format import encoding
from ..shards.reader import damage_told, decode, open_dataset, read_members
from ..storage.store import Store
from . import shares, sizes
from .continuing import ContinuedDataset, check_counts

_CHUNK = 8  # samples that a thread decodes at a time


class TrainingDataset(ContinuedDataset):
    """The samples of a data set folder for a ``DataLoader``: each once in an epoch, over all processes and workers.

    Yields (image, mask): uint8 (3, H, W) and int64 (H, W), or what ``transform`` makes of a ``Sample``. An epoch's
    order depends on (seed, epoch, number of processes and workers) only. Every iteration is the next epoch, with any
    number of workers, persistent or not; ``set_epoch`` says otherwise, and ``state_dict`` where one is.

    Args:
        place: a path, or an address such as ``s3://BUCKET/PREFIX``.
        shuffle: the shards, and the samples through a buffer.
        buffer: samples, encoded, that each worker keeps back to choose from.
        rank: which process this is, of ``world_size``; default: what torch.distributed or the variables RANK and
            WORLD_SIZE say, else the only one.
        uneven: what happens when processes cannot have equally many samples: "keep" gives every sample exactly once,
            some one more than others; "drop" and "repeat" leave out or give twice fewer than ``world_size``.
        batch_size: that of the loader; then every worker's share is whole batches, and ``len(loader)`` is right.
        decode_threads: threads of each worker that decode.
        transform: sample → what is yielded; called in the decoding threads.
        allow_incomplete: take the shards that are done when others are not.

    Raises:
        UserError: not a data set folder, shards are missing, or an argument is out of range.
        Damaged: a file or a sample is, here or while one iterates.
    """

    def __init__(
        self,
        place: str | Path | Store,
        *,
        shuffle: bool = True,
        seed: int = 0,
        buffer: int = 1000,
        rank: int | None = None,
        world_size: int | None = None,
        uneven: shares.Uneven = "keep",
        batch_size: int = 1,
        decode_threads: int = 1,
        transform: Callable[[Sample], Any] | None = None,
        allow_incomplete: bool = False,
    ):
        check_counts(buffer=buffer, decode_threads=decode_threads)
        dataset = open_dataset(place, allow_incomplete=allow_incomplete)
        super().__init__(len(dataset), batch_size=batch_size, uneven=uneven, rank=rank, world_size=world_size)
        self._dataset = dataset
        self.store, self.description, self.lengths = dataset.store, dataset.description, dataset.lengths
        self.shuffle, self.seed, self.buffer = shuffle, seed, buffer
        self.decode_threads, self.transform = decode_threads, transform
        if transform is None:
            sizes.check(dataset, batch_size)

    def _identity(self) -> dict[str, int | bool | str]:
        return super()._identity() | {name: getattr(self, name) for name in ("shuffle", "seed", "buffer")}

    def __repr__(self) -> str:
        share = f", {len(self)} of them for rank {self.rank} of {self.world_size}" * (self.world_size > 1)
        return f"TrainingDataset({str(self.store)!r}, {self._samples} samples{share})"

    def _items(self, epoch: int, number: int, workers: int, skipped: int) -> Iterator[Any]:
        share = shares.worker_share(self._share(), number, workers, self.batch_size)
        order = shares.shard_order(list(self.lengths), shuffle=self.shuffle, seed=self.seed, epoch=epoch)
        samples = self._stored(shares.stretches(share, order, self.lengths))
        if self.shuffle:
            numbers = random.Random(f"{self.seed}/{epoch}/{self.rank}/{number}")
            samples = shares.through_buffer(samples, self.buffer, numbers)
        samples = islice(samples, skipped, None)
        if self.decode_threads == 1:
            yield from map(self._decoded, samples)
            return
        chunks = iter(lambda: list(islice(samples, _CHUNK)), [])
        decoded = ordered_map(
            lambda chunk: [self._decoded(sample) for sample in chunk],
            chunks,
            workers=self.decode_threads,
            ahead=2 * self.decode_threads,
        )
        try:
            for chunk in decoded:
                yield from chunk
        finally:
            decoded.close()

    def _stored(self, parts: Iterator[shares.Stretch]) -> Iterator[tuple[int, str, Mapping[str, bytes]]]:
        for shard, first, count in parts:
            for key, encoded in read_members(
                self.store, shard, first=first, count=count, wanted=self._dataset.wanted(shard)
            ):
                yield shard, key, encoded

    def _decoded(self, stored: tuple[int, str, Mapping[str, bytes]]) -> Any:
        shard, key, encoded = stored
        if self.transform is not None:
            return self.transform(decode(self.store, shard, key, encoded, self._dataset.mask_values))
        with damage_told(self.store, shard, key):
            image, mask = encoding.decode_pair(encoded, self._dataset.mask_values)
        return torch.from_numpy(image).permute(2, 0, 1).contiguous(), torch.from_numpy(mask).long()
