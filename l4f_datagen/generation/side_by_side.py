"""Many samples on all cores of a CPU, each computed by one thread, so that the threads' number changes no result."""

import math
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

import torch

from ..devices import machine_memory
from ..overlap import ordered_map
from .models import Models

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def side_by_side(
    function: Callable[[Item], Outcome], items: Iterable[Item], *, workers: int | None = None
) -> Generator[Outcome]:
    """Yield ``function(item)`` in the order of ``items``, computed ahead by threads.

    torch and OpenCV leave the interpreter to others while they compute. Sums that several threads share round
    otherwise than those of one, which is why none is shared here: until the end, torch computes with one thread where
    the results are taken, too.

    Args:
        workers: how many compute; None: as many as torch would use for one computation; 0: the caller's own thread.
    """
    threads = torch.get_num_threads()
    workers = threads if workers is None else workers
    if workers:
        torch.set_num_threads(1)
    made = ordered_map(function, items, workers=workers, ahead=workers + 1, initializer=one_thread)
    try:
        yield from made
    finally:
        made.close()
        torch.set_num_threads(threads)  # also the default of threads to come, which the workers changed


def workers_for(models: Models, batch_size: int) -> int:
    """How many batches are computed side by side: on a CPU as many as there are threads, and as the memory holds."""
    if models.device.type != "cpu":
        # On CUDA one computes while the other's arrays travel to the CPU; Apple's GPUs take orders of one thread alone.
        return 2 if models.device.type == "cuda" else 1
    a = models.generator.architecture
    floats = sum(2 * c * math.prod(a.size_at(level)) for level, c in enumerate(a.channels))
    # Features of all layers, and as much again for what is under way; a quarter of the memory for all.
    batch_bytes = 2 * 4 * floats * batch_size
    return max(1, min(torch.get_num_threads(), machine_memory() // 4 // batch_bytes))


def one_thread() -> None:
    """Let torch compute with one thread, where a thread of Python calls it."""
    torch.set_num_threads(1)
