"""Which epoch an iteration is, and where it begins: agreed upon by a process and the workers of its loaders."""

import time
from typing import NamedTuple

import torch
from torch.utils.data import get_worker_info

from ..errors import WorkError

_ITERATIONS = 256
"""Iterations that are remembered: a worker that starts late still finds its own."""
_WORKERS = 4096
_PATIENCE = 600.0
"""Seconds for which a worker waits for the first one, which may have to import everything."""


class Begun(NamedTuple):
    """An iteration over a data set."""

    epoch: int
    batches: int
    """Batches that were given before; it goes on after them."""
    workers: int
    """Those of the loader that gave them."""


class Epochs:
    """Counts the iterations over a data set, in memory that a process shares with the workers of its loaders.

    Workers begin at different times, and those of an iteration that is given up may never begin. So the first worker
    counts, and the others look up what it noted: torch gives the workers of an iteration seeds that differ by their
    numbers alone.
    """

    def __init__(self) -> None:
        self._next = torch.zeros(len(Begun._fields), dtype=torch.int64).share_memory_()
        self._count = torch.zeros((), dtype=torch.int64).share_memory_()
        # The seed, the turn, and what it is.
        self._noted = torch.zeros(_ITERATIONS, 2 + len(Begun._fields), dtype=torch.int64).share_memory_()
        self._seen = torch.zeros(_WORKERS, dtype=torch.int64).share_memory_()
        self._turn = 0  # iterations of this worker, which may live longer than one

    @property
    def last(self) -> int | None:
        """The epoch of the last iteration that began; None before the first."""
        count = int(self._count)
        return int(self._noted[(count - 1) % _ITERATIONS, 2]) if count else None

    def set_next(self, epoch: int, batches: int = 0, workers: int = 0) -> None:
        """Say what the next iteration is."""
        self._next.copy_(torch.tensor([epoch, batches, workers]))

    def begin(self) -> Begun:
        """What the iteration is that begins in this process or worker.

        Raises:
            WorkError: the first worker of this iteration does not begin.
        """
        worker = get_worker_info()
        self._turn += 1
        seed = worker.seed - worker.id if worker else 0
        if worker is None or worker.id == 0:
            return self._note(seed)
        deadline = time.monotonic() + _PATIENCE
        while (found := self._find(seed, int(self._seen[worker.id]))) is None:
            if time.monotonic() > deadline:
                raise WorkError(
                    f"worker {worker.id} of a loader: worker 0 has not begun the epoch in {_PATIENCE:.0f} s"
                )
            time.sleep(0.001)
        number, begun = found
        self._seen[worker.id] = number
        return begun

    def _note(self, seed: int) -> Begun:
        begun, number = Begun(*self._next.tolist()), int(self._count)
        self._noted[number % _ITERATIONS].copy_(torch.tensor([seed, self._turn, *begun]))
        self.set_next(begun.epoch + 1)
        self._count.fill_(number + 1)  # after the note: from now on it is found
        return begun

    def _find(self, seed: int, seen: int) -> tuple[int, Begun] | None:
        """The newest iteration with this seed that the worker has not taken part in."""
        count = int(self._count)
        for number in range(count, max(seen, count - _ITERATIONS), -1):
            of_seed, turn, *begun = self._noted[(number - 1) % _ITERATIONS].tolist()
            if (of_seed, turn) == (seed, self._turn):
                return number, Begun(*begun)
        return None
