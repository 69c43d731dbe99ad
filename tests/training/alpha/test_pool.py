"""Windows over an endless stream: what they hold, what they draw, and that neither changes a bit."""

import numpy as np
import pytest
import torch

from l4f_datagen.training.alpha import teaching
from l4f_datagen.training.alpha.pool import BLOCK, Window

CPU = torch.device("cpu")


class Stream:
    """Maps that follow from their positions, and the positions that were asked for."""

    def __init__(self):
        self.asked: list[int] = []

    def __call__(self, positions):
        self.asked += positions
        numbers = torch.tensor(list(positions), dtype=torch.float32)
        return [(numbers[:, None, None, None] / 3).expand(-1, 2, 4, 4), numbers[:, None] * 1e6]


def test_a_window_draws_each_position_once_and_forgets_what_it_leaves():
    stream = Stream()
    window = Window(stream, 3 * BLOCK, CPU)
    stream.asked.clear()
    window.slide(0)
    window.slide(2)
    assert stream.asked == list(range(5 * BLOCK))
    stream.asked.clear()
    kept, far = window.get([20, 39])
    assert stream.asked == [] and kept.dtype == torch.float32
    assert kept[:, 0, 0, 0].tolist() == pytest.approx([20 / 3, 13], rel=1e-3)
    assert far.max() == torch.finfo(torch.float16).max, "beyond half precision"
    window.slide(0)
    assert stream.asked == list(range(2 * BLOCK))


def test_a_block_is_the_same_inside_and_outside_the_window():
    window = Window(Stream(), 2 * BLOCK, CPU)
    window.slide(3)
    inside = window.get(range(3 * BLOCK, 4 * BLOCK))
    window.slide(0)
    outside = window.get(range(3 * BLOCK, 4 * BLOCK))
    assert all(torch.equal(one, other) for one, other in zip(inside, outside, strict=True))


def test_what_does_not_fit_is_not_kept():
    of_block = 2 * BLOCK * (2 * 16 + 1)
    assert Window(Stream(), 50 * BLOCK, CPU, bytes_at_most=20 * of_block).size == 20 * BLOCK
    few = Window(Stream(), 50 * BLOCK, CPU, bytes_at_most=3 * of_block)
    assert few.size == 0 and not few.keeps, "as good as none"
    assert few.pick("alpha", 2, 4, seed=0) == range(8, 12), "every step draws its own"
    assert few.get([5])[0][0, 0, 0, 0] == pytest.approx(5 / 3, rel=1e-3)
    assert Window(Stream(), 50 * BLOCK, torch.device("cuda")).size == 0


def test_picks_follow_from_seed_name_and_step():
    window = Window(Stream(), 4 * BLOCK, CPU)
    window.slide(5)
    picked = window.pick("alpha", 7, 100, seed=1)
    assert (
        picked == window.pick("alpha", 7, 100, seed=1) and set(picked) <= set(range(40, 72)) and len(set(picked)) > 20
    )
    others = [window.pick(*how) for how in (("other", 7, 100, 1), ("alpha", 8, 100, 1), ("alpha", 7, 100, 2))]
    assert all(picked != other for other in others)


def test_samples_that_do_not_fit_are_learned_from_once_in_a_round(monkeypatch):
    monkeypatch.setattr(teaching, "_BYTES", 2 * BLOCK * (2 * 16 + 1) * 16)
    stream, count = Stream(), 40 * BLOCK
    samples = teaching.Samples(stream, CPU, probes=BLOCK, cut=count)
    samples.enlarge()
    assert samples.window.size == 16 * BLOCK
    stream.asked.clear()
    rows = torch.arange(0, count, 2)
    round_ = teaching.Round(torch.arange(count).view(-1, 1, 1, 1).to(torch.uint8), rows, 1.0, frozenset())
    seen = set()
    for step in range(100):
        (_,), cuts = samples.batch(round_, 0, 1, step, 100)
        seen |= set(np.rint(cuts.flatten().numpy() * 255).tolist())
    assert len(stream.asked) == len(set(stream.asked)) == count - BLOCK, "each once; the last block comes too late"
    assert all(value % 2 == 0 for value in seen) and len(seen) > 100


def test_large_objects_are_learned_from_as_often_as_small_ones():
    """Cuts of the larger half are less of one mind; the best half of all would hold none of them."""
    areas = np.linspace(0.05, 0.8, 40)
    random = np.random.default_rng(0)
    decided = np.where(areas > 0.4, 0.7, 0.9) + random.uniform(0, 0.05, 40)
    rows = teaching.steadiest(decided, areas)
    assert list(rows) == sorted(set(rows)) and len(rows) == 20
    for quarter in np.array_split(np.arange(40), 4):
        inside, outside = np.intersect1d(rows, quarter), np.setdiff1d(quarter, rows)
        assert len(inside) == 5 and decided[inside].min() > decided[outside].max()


def test_samples_without_cuts_are_not_learned_from():
    decided = np.array([0.9, 0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 0.7])
    assert list(teaching.steadiest(decided, np.arange(8))) == [0, 3, 7]
    assert len(teaching.steadiest(np.zeros(3), np.arange(3))) == len(teaching.steadiest(np.zeros(0), np.zeros(0))) == 0


def test_drawing_is_told_where_it_is_more_than_a_block():
    told = []
    window = Window(Stream(), 3 * BLOCK, CPU, count=told.append)
    window.slide(0)
    assert [(one.done, one.count) for one in told] == [(BLOCK * done, 3 * BLOCK) for done in range(4)]
    told.clear()
    window.slide(1)
    assert told == []
