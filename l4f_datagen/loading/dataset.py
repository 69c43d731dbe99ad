"""The torch ``IterableDataset`` around a data set folder."""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from ..errors import UserError
from ..overlap import ordered_map
from ..sample import Sample
from ..shards.format import encoding
from ..shards.reader import damage_told, decode, open_dataset, read_members
from ..short import short
from ..storage.store import Store
from . import shares, sizes
from .epochs import Begun, Epochs

_CHUNK = 8  # samples that a thread decodes at a time


class TrainingDataset(IterableDataset):
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
        for name, value in (("buffer", buffer), ("batch_size", batch_size), ("decode_threads", decode_threads)):
            if value < 1:
                raise UserError(name, got=value, expected="at least 1", remedy="change it")
        if uneven not in shares.UNEVEN:
            raise UserError("uneven", got=uneven, expected=" or ".join(shares.UNEVEN), remedy="change it")
        dataset = open_dataset(place, allow_incomplete=allow_incomplete)
        self._dataset = dataset
        self.store, self.description, self.lengths = dataset.store, dataset.description, dataset.lengths
        self.shuffle, self.seed, self.buffer = shuffle, seed, buffer
        self.uneven: shares.Uneven = uneven
        self.batch_size, self.decode_threads, self.transform = batch_size, decode_threads, transform
        self.rank, self.world_size = _rank(rank, world_size)
        self._samples = len(dataset)
        self._epochs = Epochs()
        self._here: tuple[int, int] | None = None
        """The epoch of the iteration in this process or worker, and the samples that it has yielded."""
        self._from: tuple[int, int] | None = None
        """Where the next iteration in this process or worker begins, if ``load_state_dict`` said so."""
        if transform is None:
            sizes.check(dataset, batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Tell which epoch the next iteration is; those after it follow."""
        self._epochs.set_next(epoch)

    def state_dict(self, *, batches: int | None = None, workers: int = 0) -> dict[str, int | bool | str]:
        """Where the epoch stands, for ``load_state_dict`` of a data set with the same arguments.

        Args:
            batches: how many the loader has given in this epoch, which it alone knows who counts them: a loader's
                workers are ahead. Default: the samples that this very process has yielded, which is right without
                workers, and where the loader asks every worker, as torchdata's ``StatefulDataLoader`` does.
            workers: ``num_workers`` of that loader.
        """
        if batches is None:
            epoch, samples = self._here or (int(self._epochs.last or 0), 0)
            return self._identity() | {"epoch": epoch, "samples": samples}
        epoch = self._epochs.last or 0
        if batches * self.batch_size >= len(self):
            epoch, batches = epoch + 1, 0
        return self._identity() | {"epoch": epoch, "batches": batches, "workers": workers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration go on where ``state_dict`` was asked for: the same samples in the same order.

        What was given is read again, but not decoded.

        Raises:
            UserError: the state is of another data set or of other arguments.
        """
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise UserError(
                    f"{name} of the data set",
                    got=value,
                    expected=f"{short(state.get(name))}, as when the state was taken",
                    remedy="make it with the same arguments, or call set_epoch to begin an epoch",
                )
        if "samples" in state:
            self._from = (int(state["epoch"]), int(state["samples"]))
        else:
            self._epochs.set_next(*(int(state[name]) for name in Begun._fields))

    def _identity(self) -> dict[str, int | bool | str]:
        names = ("shuffle", "seed", "buffer", "uneven", "batch_size", "rank", "world_size")
        return {"count": self._samples, **{name: getattr(self, name) for name in names}}

    def __len__(self) -> int:
        """Number of samples of this process in an epoch."""
        start, stop = self._share()
        return stop - start

    def __repr__(self) -> str:
        share = f", {len(self)} of them for rank {self.rank} of {self.world_size}" * (self.world_size > 1)
        return f"TrainingDataset({str(self.store)!r}, {self._samples} samples{share})"

    def __iter__(self) -> Iterator[Any]:
        # Counted here and now, not when the first sample is asked for.
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        (epoch, batches, wanted), skipped = self._epochs.begin(), 0
        if self._from is not None:
            (epoch, skipped), self._from = self._from, None
            self._epochs.set_next(epoch + 1)
        elif batches:
            _check_workers(worker.num_workers if worker else 0, wanted)
            number, skipped = shares.after_batches(self._share(), batches, workers, self.batch_size)[number]
        self._here = epoch, skipped
        return self._iteration(epoch, number, workers, skipped)

    def _iteration(self, epoch: int, number: int, workers: int, skipped: int) -> Iterator[Any]:
        for given, item in enumerate(self._items(epoch, number, workers, skipped), skipped + 1):
            self._here = epoch, given
            yield item

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

    def _share(self) -> tuple[int, int]:
        return shares.rank_share(self._samples, self.rank, self.world_size, self.uneven)

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


def _check_workers(workers: int, wanted: int) -> None:
    if workers != wanted:
        raise UserError(
            "num_workers of the loader",
            got=workers,
            expected=f"{wanted}, as when the state was taken",
            remedy="use as many, or call set_epoch to begin an epoch",
        )


def _rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Rank of this process, and the number of processes."""
    if (rank is None) != (world_size is None):
        raise UserError("rank", got="one of rank and world_size", expected="both or none", remedy="name the other")
    if rank is None or world_size is None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        else:
            rank, world_size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if not 0 <= rank < world_size:
        raise UserError("rank", got=f"{rank} of {world_size}", expected="0 ≤ rank < world_size", remedy="change it")
    return rank, world_size
