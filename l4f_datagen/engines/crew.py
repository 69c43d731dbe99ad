"""Several workers share the shards of a plan: who gets which, and what happens when one is lost."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Protocol

from ..errors import WorkError
from ..making.trunk import ShardPlan
from ..progress.state import Progress
from ..shards import folder as folders
from ..shards.format.arithmetic import Arithmetic
from .job import News

logger = logging.getLogger(__name__)

_LOSSES = 3
"""It is no accident if so many workers are lost over one shard, or so many of each before it was ready."""


class Crew(Protocol):
    """The workers of an engine. Each has a number."""

    @property
    def size(self) -> int:
        """How many there are at a time."""
        ...

    def news(self) -> Iterator[tuple[int, News | None]]:
        """Wait a moment for what workers say. None: the worker is lost, and will say nothing more."""
        ...

    def give(self, worker: int, shard: int) -> None:
        """Let a worker make one more shard."""


def drive(crew: Crew, plan: ShardPlan, report: Callable[[Progress], None]) -> Progress:
    """Have a crew make all pending shards of a plan, of which there is at least one. Reports a few times a second.

    Raises:
        UserError, WorkError: what a worker raised. Finished shards stay.
    """
    waiting, losses = deque(plan.pending), Counter()
    in_work: dict[int, dict[int, int]] = {}  # samples so far, by worker and shard
    admitted: set[Arithmetic] = set()
    finished, left, to_make = 0, len(waiting), plan.to_make
    progress = plan.progress(plan.pending[0], 0, to_make)
    while left:
        plan.lock.check()
        for worker, news in crew.news():
            done = ()
            if news is None:
                lost = list(in_work.pop(worker, {}))
                done = [shard for shard in lost if folders.shard_done(plan.out, shard, plan.count(shard))]
                again = [shard for shard in lost if shard not in done]
                _count_loss(losses, again, crew.size, ready=bool(lost))
                waiting.extendleft(reversed(again))
            elif news.error:
                raise news.error
            elif news.ready:
                losses.pop(None, None)
                if news.arithmetic is not None and news.arithmetic not in admitted:
                    plan.admit(news.arithmetic)
                    admitted.add(news.arithmetic)
                mine, done = in_work.setdefault(worker, {}), news.done
                mine.update(news.counts)
                for shard in done:
                    del mine[shard]
                # A second shard keeps a worker busy between two; at the end others would wait for it.
                while waiting and len(mine) < (2 if len(waiting) > len(in_work) else 1):
                    mine[waiting[0]] = 0
                    crew.give(worker, waiting.popleft())
            left -= len(done)
            finished += sum(map(plan.count, done))
            shards = [shard for counts in in_work.values() for shard in counts] or [progress.shard]
            made = finished + sum(sum(counts.values()) for counts in in_work.values())
            progress = plan.progress(min(shards), made, to_make)
            report(progress)
    return progress


def _count_loss(losses: Counter, again: list[int], size: int, *, ready: bool) -> None:
    """Count a lost worker: under the first shard that it had in work, or under None if it had none.

    Raises:
        WorkError: too many are lost.
    """
    if again:
        logger.warning("a worker was lost; shard %d is made again", again[0])
        losses[again[0]] += 1
        if losses[again[0]] == _LOSSES:
            raise WorkError(
                f"{_LOSSES} workers were lost over shard {again[0]}: look at their memory "
                "(a smaller --batch-size or fewer --workers need less); the finished shards stay"
            )
    elif not ready:
        losses[None] += 1
        if losses[None] == _LOSSES * size:
            raise WorkError(
                f"{losses[None]} workers were lost before one was ready: look at their memory "
                "(a smaller --batch-size or fewer --workers need less)"
            )
