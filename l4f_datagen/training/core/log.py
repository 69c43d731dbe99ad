"""What a run tells while it learns: the terms of every step, gathered, judged and written."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import torch
from torch import Tensor

from ...errors import WorkError
from ...progress.state import TrainingProgress
from .process_group import Processes
from .run import RunFolder

Judge = Callable[[int, Mapping[str, float]], str | None]
"""Says what is wrong with the means of some terms at an iteration, None if nothing is."""
_ABSENT = -math.inf
"""No loss is ever this; an average over processes keeps it."""


class TermLog:
    """Collects terms on the device; writes their means, and notices what is not finite.

    ``names`` are the terms that a step may have. ``judge`` says what is wrong, from the iteration and the means; its
    words up to the first bracket tell one problem from another.
    """

    def __init__(
        self,
        names: Sequence[str],
        iterations: int,
        folder: RunFolder,
        processes: Processes,
        report: Callable[[TrainingProgress], None],
        begun: int,
        *,
        judge: Judge = lambda done, means: None,
    ):
        self.names, self.iterations, self.judge = names, iterations, judge
        self.folder, self.processes, self.report = folder, processes, report
        self.rows: list[Tensor] = []
        self.start, self.written, self.warned = time.monotonic(), begun, None

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Terms of one iteration, scalars on the device; those that it does not have are left out of the means."""
        absent = torch.full((), _ABSENT, device=self.processes.device)
        self.rows.append(torch.stack([terms.get(name, absent).detach().float() for name in self.names]))

    def write(self, done: int, measure: Callable[[], Mapping[str, float]] = dict, news: Sequence[str] = ()) -> None:
        """One line for the iterations since the last one, and with it what ``measure`` answers and what is new.

        Raises:
            WorkError: a term was not finite.
        """
        if not self.rows:
            return
        table = self.processes.mean(torch.stack(self.rows)).cpu()
        self._check_finite(table, done - len(self.rows))
        means = {}
        for name, column in zip(self.names, table.T):
            present = column[column != _ABSENT]
            if len(present):
                means[name] = float(present.mean())
        means |= measure()
        now = time.monotonic()
        rate, self.start, self.rows = (done - self.written) / max(now - self.start, 1e-9), now, []
        self.written = done
        problem = self.judge(done, means)
        kind = problem.partition("(")[0] if problem else None
        warning = problem if kind != self.warned else None
        progress = TrainingProgress(done, self.iterations, means, rate, warning, tuple(news))
        self.warned = kind
        if self.processes.is_first:
            line = {"iteration": done, **{k: round(v, 6) for k, v in means.items()}, "steps_per_second": round(rate, 3)}
            more = ({"news": "; ".join(news)} if news else {}) | ({"warning": problem} if problem else {})
            self.folder.log(line | more)
            self.report(progress)

    def _check_finite(self, table: torch.Tensor, before: int) -> None:
        bad = (~torch.isfinite(table) & (table != _ABSENT)).nonzero()
        if len(bad):
            row, column = bad[0].tolist()
            not_finite(self.folder, f"{self.names[column]} of iteration {before + row + 1}")


def not_finite(folder: RunFolder, where: str) -> NoReturn:
    """Stop a run.

    Raises:
        WorkError: always; says where and what is left.
    """
    kept = folder.checkpoints()
    last = f"the last good checkpoint is {folder.checkpoint(kept[-1])}" if kept else "there is no checkpoint before it"
    raise WorkError(
        f"{where} is not finite: stopped; {last}; begin a run in another folder with lower learning rates"
        " or, with fp16, another precision"
    )
