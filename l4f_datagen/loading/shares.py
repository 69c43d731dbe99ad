"""Who reads what in an epoch: every sample once, over all processes and their workers."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

Uneven = Literal["keep", "drop", "repeat"]
UNEVEN = ("keep", "drop", "repeat")
Item = TypeVar("Item")


class Stretch(NamedTuple):
    """Samples of one shard that are read one after the other."""

    shard: int
    first: int
    """Position of the first sample within the shard."""
    count: int


def shard_order(shards: Sequence[int], *, shuffle: bool, seed: int, epoch: int) -> list[int]:
    """The shards as an epoch reads them; the same for all processes."""
    order = list(shards)
    if shuffle:
        random.Random(f"{seed}/shards/{epoch}").shuffle(order)
    return order


def rank_share(samples: int, rank: int, world_size: int, uneven: Uneven = "keep") -> tuple[int, int]:
    """First and one past the last of a process's samples, counted in the order of an epoch.

    "keep" gives every sample once, so that shares may differ by one; "drop" leaves out fewer than ``world_size``
    at the end; "repeat" has the positions of fewer than ``world_size`` run over the end, where the epoch's first
    samples follow.
    """
    if uneven == "keep":
        return rank * samples // world_size, (rank + 1) * samples // world_size
    each = samples // world_size if uneven == "drop" else -(-samples // world_size)
    return rank * each, (rank + 1) * each


def worker_share(share: tuple[int, int], worker: int, workers: int, batch_size: int = 1) -> tuple[int, int]:
    """A worker's part of the share of its process. It consists of whole batches, but for the last one."""
    start, stop = share
    batches = -(-(stop - start) // batch_size)
    first, last = (start + n * batches // workers * batch_size for n in (worker, worker + 1))
    return min(first, stop), min(last, stop)


def after_batches(share: tuple[int, int], batches: int, workers: int, batch_size: int) -> list[tuple[int, int]]:
    """Where a loader goes on that has given so many batches: for each worker, whose part it takes and how many samples
    of that part were given.

    A loader takes a batch of each worker in turn and passes over those that have none left. The first worker of a
    loader that goes on takes the part of the one whose turn it is.
    """
    parts = [worker_share(share, number, workers, batch_size) for number in range(workers)]
    left = [-(-(stop - start) // batch_size) for start, stop in parts]
    given, turn = [0] * workers, 0
    for _ in range(min(batches, sum(left))):
        while given[turn] == left[turn]:
            turn = (turn + 1) % workers
        given[turn] += 1
        turn = (turn + 1) % workers
    order = [(turn + number) % workers for number in range(workers)]
    return [(part, given[part] * batch_size) for part in order]


def stretches(share: tuple[int, int], order: Sequence[int], lengths: Mapping[int, int]) -> Iterator[Stretch]:
    """The stretches that make up a share. Positions beyond the last shard begin again with the first."""
    start, stop = share
    at = 0
    while at < stop:
        for shard in order:
            first, last = max(start - at, 0), min(stop - at, lengths[shard])
            if first < last:
                yield Stretch(shard, first, last - first)
            at += lengths[shard]
            if at >= stop:
                return


def through_buffer(items: Iterator[Item], size: int, numbers: random.Random) -> Iterator[Item]:
    """Items in a random order: each is drawn from ``size`` items that are kept back."""
    kept = []
    for item in items:
        if len(kept) < size:
            kept.append(item)
            continue
        place = numbers.randrange(size)
        kept[place], item = item, kept[place]
        yield item
    numbers.shuffle(kept)
    yield from kept
