"""Candidates until every sample has one that passes the filters."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from threading import Event

import numpy as np

from ..sample import Sample
from .filters import Filters, Tally
from .latents import Candidate

BLOCK = 4
"""Batches' worth of samples that are looked for together: candidates of some fill the batches of others."""


def first_accepted(
    indices: Sequence[int],
    draw: Callable[[Sequence[Candidate]], Iterable[Sample]],
    filters: Filters,
    *,
    batch_size: int,
    tally: Tally,
    stopped: Event,
) -> list[Sample]:
    """For every index the first of its candidates 0, 1, 2, … that passes.

    How many are drawn together, and ahead, follows from what was accepted among ``indices`` before, so that
    it is the same every time. What is drawn after an accepted candidate counts nowhere.

    Args:
        draw: at most ``batch_size`` candidates → what samples they would be.
        stopped: gives up, once it is set; fewer samples are returned then.

    Raises:
        WorkError: hardly any candidate of the run passes.
    """
    accepted: dict[int, Sample] = {}
    rejected: dict[int, list[str]] = {index: [] for index in indices}
    judged = 0
    while pending := [index for index in indices if index not in accepted]:
        ahead = _ahead(len(pending), batch_size, share=(len(accepted) + 1) / (judged + 2))
        wanted = [Candidate(index, len(rejected[index]) + k) for index in pending for k in range(ahead)]
        for start in range(0, len(wanted), batch_size):
            if stopped.is_set():
                return list(accepted.values())
            outcomes = []
            for candidate, sample in zip(part := wanted[start : start + batch_size], draw(part), strict=True):
                if candidate.index in accepted:
                    continue
                outcomes.append(failed := filters.failed(sample))
                if failed:
                    rejected[candidate.index].append(failed[0])
                else:
                    accepted[candidate.index] = _alone(sample, rejected[candidate.index])
            judged += len(outcomes)
            tally.add(outcomes)
    return [accepted[index] for index in indices]


def _ahead(pending: int, batch_size: int, *, share: float) -> int:
    """Candidates of each sample to draw at a time: as many as one acceptance takes, if they fit into a batch."""
    return max(1, min(batch_size // pending, round(1 / share)))


def _alone(sample: Sample, rejected: Sequence[str]) -> Sample:
    """A sample that does not keep its batch's arrays in memory."""
    arrays = {f.name: getattr(sample, f.name) for f in fields(sample)}
    copies = {name: array.copy() for name, array in arrays.items() if isinstance(array, np.ndarray)}
    return replace(sample, rejected=tuple(rejected), **copies)
