"""Some samples of a data set, to look at: the first ones, some by chance, or the worst by a score."""

import difflib
import random
from collections.abc import Iterable, Iterator

import numpy as np

from ..errors import UserError
from ..sample import Sample
from ..storage import parquet
from .format import rows
from .format.schema import COLUMNS
from .reader import Dataset, decode, read_members

Place = tuple[int, int]
"""A shard, and the place of a sample within it."""
_NOT_SCORES = ("shard", "index", "seed", "foreground_code", "background_code")
"""Columns of numbers that say which sample it is, not how it is."""
_WORST_WHEN_HIGH = ("components", "touches_border", "candidate")
"""Scores of which much is bad; of all others little is."""
SCORES = tuple(
    column.name
    for column in COLUMNS
    if (column.type in parquet.NUMPY or column.type == "bool") and column.name not in _NOT_SCORES
)
"""Columns that samples are compared by."""


def first(dataset: Dataset, n: int) -> list[Place]:
    """The first ``n`` samples, or all where there are fewer."""
    return [_place(dataset, position) for position in range(min(n, len(dataset)))]


def by_chance(dataset: Dataset, n: int, seed: int) -> list[Place]:
    """``n`` samples by chance, or all where there are fewer, in their order; the same for the same seed."""
    positions = random.Random(seed).sample(range(len(dataset)), min(n, len(dataset)))
    return [_place(dataset, position) for position in sorted(positions)]


def worst(dataset: Dataset, n: int, score: str) -> list[Place]:
    """The ``n`` worst samples by a score, the worst first; equal ones in the order of their keys.

    Raises:
        UserError: there is no such score.
        Damaged: the rows of a shard are.
    """
    if score not in SCORES:
        nearest = difflib.get_close_matches(score, SCORES, n=1, cutoff=0.4)
        raise UserError(
            "worst", got=score, expected=f"one of {', '.join(SCORES)}",
            remedy=f"did you mean {nearest[0]}?" if nearest else "choose one of these",
        )  # fmt: skip
    sign = -1 if score in _WORST_WHEN_HIGH else 1
    found: list[tuple[float, Place]] = []
    for shard, length in dataset.lengths.items():
        values = sign * parquet.numbers(rows.read(dataset.store, shard, length, columns=(score,))[score]).astype(float)
        here = np.argsort(values, kind="stable")[:n]
        found = sorted([*found, *((float(values[place]), (shard, int(place))) for place in here)])[:n]
    return [place for _, place in found]


def keys(dataset: Dataset, places: Iterable[Place]) -> list[str]:
    """The keys of the samples at these places."""
    return [f"{dataset.wanted(shard)[place]:09d}" for shard, place in places]


def read(dataset: Dataset, places: Iterable[Place]) -> Iterator[Sample]:
    """The samples at these places, in this order; neighbours are read together.

    Raises:
        Damaged: one is damaged or missing.
    """
    for shard, start, count in _runs(places):
        wanted = dataset.wanted(shard)
        for key, members in read_members(dataset.store, shard, first=start, count=count, wanted=wanted):
            yield decode(dataset.store, shard, key, members, dataset.mask_values)


def _runs(places: Iterable[Place]) -> Iterator[tuple[int, int, int]]:
    """Shard, first place and number of samples that stand next to each other."""
    run: list[int] = []
    for shard, place in places:
        if run and (shard, place) == (run[0], run[1] + run[2]):
            run[2] += 1
            continue
        if run:
            yield run[0], run[1], run[2]
        run = [shard, place, 1]
    if run:
        yield run[0], run[1], run[2]


def _place(dataset: Dataset, position: int) -> Place:
    """Where the sample is that so many others of the data set stand before."""
    for shard, length in dataset.lengths.items():
        if position < length:
            return shard, position
        position -= length
    raise IndexError(position)
