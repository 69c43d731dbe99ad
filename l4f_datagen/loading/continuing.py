"""What data sets for torch loaders have in common: shares of processes and workers, epochs, and going on within one."""

import abc
import os
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from ..errors import UserError
from ..short import short
from . import shares
from .epochs import Begun, Epochs


class ContinuedDataset(IterableDataset, abc.ABC):
    """Samples of which every process and worker gets its share, in epochs that can be gone on with anywhere.

    Args:
        samples: how many an epoch has, over all processes.
        batch_size, uneven, rank, world_size: as ``TrainingDataset`` takes them.

    Raises:
        UserError: an argument is out of range.
    """

    def __init__(
        self, samples: int, *, batch_size: int, uneven: shares.Uneven, rank: int | None, world_size: int | None
    ):
        check_counts(batch_size=batch_size)
        if uneven not in shares.UNEVEN:
            raise UserError("uneven", got=uneven, expected=" or ".join(shares.UNEVEN), remedy="change it")
        self.uneven: shares.Uneven = uneven
        self.batch_size, self._samples = batch_size, samples
        self.rank, self.world_size = _rank(rank, world_size)
        self._epochs = Epochs()
        self._here: tuple[int, int] | None = None
        """The epoch of the iteration in this process or worker, and the samples that it has yielded."""
        self._from: tuple[int, int] | None = None
        """Where the next iteration in this process or worker begins, if ``load_state_dict`` said so."""

    @abc.abstractmethod
    def _items(self, epoch: int, number: int, workers: int, skipped: int) -> Iterator[Any]:
        """What worker ``number`` of ``workers`` yields in an epoch, after the first ``skipped`` samples of its part."""

    def _identity(self) -> dict[str, int | bool | str]:
        """The arguments on which the order of samples depends."""
        names = ("uneven", "batch_size", "rank", "world_size")
        return {"count": self._samples, **{name: getattr(self, name) for name in names}}

    def _share(self) -> tuple[int, int]:
        return shares.rank_share(self._samples, self.rank, self.world_size, self.uneven)

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
        if batches < 0 or workers < 0:
            name, value = ("batches", batches) if batches < 0 else ("workers", workers)
            raise UserError(name, got=value, expected="at least 0", remedy="change it")
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
        wanted = ("epoch", "samples") if "samples" in state else Begun._fields
        epoch, place, *workers = (_number(state, name) for name in wanted)
        if workers:
            self._epochs.set_next(epoch, place, *workers)
        else:
            self._from = (epoch, place)

    def __len__(self) -> int:
        """Number of samples of this process in an epoch."""
        start, stop = self._share()
        return stop - start

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


def check_counts(**counts: int) -> None:
    """Refuse numbers below 1.

    Raises:
        UserError: names the first one.
    """
    for name, value in counts.items():
        if value < 1:
            raise UserError(name, got=value, expected="at least 1", remedy="change it")


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


def _number(state: Mapping[str, Any], name: str) -> int:
    """A number of a state.

    Raises:
        UserError: it is none.
    """
    value = state.get(name)
    if not isinstance(value, int) or value < 0:
        raise UserError(
            f"{name} of the state", got=value, expected="a whole number of at least 0",
            remedy="load what state_dict gave",
        )  # fmt: skip
    return value
