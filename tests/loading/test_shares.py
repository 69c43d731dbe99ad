import random

import pytest

from l4f_datagen.loading import shares

LENGTHS = {0: 10, 1: 10, 4: 7, 5: 1, 9: 3}


def read(share, order):
    return [(s.shard, s.first + k) for s in shares.stretches(share, order, LENGTHS) for k in range(s.count)]


@pytest.mark.parametrize("world_size", [1, 2, 3, 40])
@pytest.mark.parametrize("workers", [1, 3, 7])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_every_sample_once(world_size, workers, batch_size):
    order, found, sizes = shares.shard_order(list(LENGTHS), shuffle=True, seed=3, epoch=1), [], []
    for rank in range(world_size):
        share = shares.rank_share(31, rank, world_size)
        parts = [shares.worker_share(share, worker, workers, batch_size) for worker in range(workers)]
        sizes.append(sum(stop - start for start, stop in parts))
        assert sum(-(-(stop - start) // batch_size) for start, stop in parts) == -(-sizes[-1] // batch_size)
        for part in parts:
            found += read(part, order)
    assert sorted(found) == sorted((shard, k) for shard, length in LENGTHS.items() for k in range(length))
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("uneven", "each"), [("drop", 7), ("repeat", 8)])
def test_equal_shares(uneven, each):
    order = list(LENGTHS)
    found = [read(shares.rank_share(31, rank, 4, uneven), order) for rank in range(4)]
    assert [len(part) for part in found] == [each] * 4
    together = [place for part in found for place in part]
    assert len(set(together)) == min(31, 4 * each)
    assert uneven == "drop" or together[31:] == together[:1]


def test_more_processes_than_samples_can_repeat():
    assert [len(read(shares.rank_share(31, rank, 100, "repeat"), list(LENGTHS))) for rank in range(100)] == [1] * 100


def test_orders_differ_by_seed_and_epoch_and_come_again():
    orders = [
        shares.shard_order(range(50), shuffle=True, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1, 0)
    ]
    assert orders[0] == orders[2] and orders[3] == orders[5]
    assert len({tuple(order) for order in orders}) == 4
    assert shares.shard_order([3, 1], shuffle=False, seed=0, epoch=9) == [3, 1]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_buffer_loses_nothing_and_keeps_no_more(size):
    taken = []
    items = (taken.append(k) or k for k in range(200))
    given = []
    for item in shares.through_buffer(items, size, random.Random(0)):
        given.append(item)
        assert len(taken) - len(given) <= size
    assert sorted(given) == list(range(200)) and (size == 1 or given != list(range(200)))
