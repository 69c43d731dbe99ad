"""What a run tells while it learns: the terms of every step, gathered, judged and written."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor

from ..errors import WorkError
from ..settings import TrainAlphaSettings
from . import degeneration
from .alpha_steps import TERMS
from .processes import Processes
from .run import RunFolder

_ABSENT = -math.inf
"""No loss is ever this; an average over processes keeps it."""
_PATIENCE = 0.3
"""Share of a run before which masks may look degenerated: they begin undecided."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    iteration: int
    iterations: int
    terms: dict[str, float]
    """Means since the last line of the log, by the names in ``alpha_steps.TERMS``."""
    rate: float
    """Steps per second."""
    warning: str | None = None
    """What is wrong with the masks, said when it begins to be."""


class TermLog:
    """Collects terms on the device; writes their means, and notices what is not finite or degenerate."""

    def __init__(
        self,
        settings: TrainAlphaSettings,
        folder: RunFolder,
        processes: Processes,
        report: Callable[[Progress], None],
        begun: int,
    ):
        self.settings, self.folder, self.processes, self.report = settings, folder, processes, report
        self.rows: list[Tensor] = []
        self.start, self.written, self.warned = time.monotonic(), begun, None

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Terms of one iteration, scalars on the device; those that it does not have are left out of the means."""
        absent = torch.full((), _ABSENT, device=self.processes.device)
        self.rows.append(torch.stack([terms.get(name, absent).detach().float() for name in TERMS]))

    def write(self, done: int) -> None:
        """One line for the iterations since the last one.

        Raises:
            WorkError: a term was not finite.
        """
        if not self.rows:
            return
        table = self.processes.mean(torch.stack(self.rows)).cpu()
        self._check_finite(table, done - len(self.rows))
        means = {}
        for name, column in zip(TERMS, table.T):
            present = column[column != _ABSENT]
            if len(present):
                means[name] = float(present.mean())
        now = time.monotonic()
        rate, self.start, self.rows = (done - self.written) / max(now - self.start, 1e-9), now, []
        self.written = done
        problem = degeneration.verdict(means) if done >= _PATIENCE * self.settings.iterations else None
        kind = problem.partition("(")[0] if problem else None
        progress = Progress(done, self.settings.iterations, means, rate, problem if kind != self.warned else None)
        self.warned = kind
        if self.processes.is_first:
            line = {"iteration": done, **{k: round(v, 6) for k, v in means.items()}, "steps_per_second": round(rate, 3)}
            self.folder.log(line | ({"warning": problem} if problem else {}))
            self.report(progress)

    def _check_finite(self, table: torch.Tensor, before: int) -> None:
        bad = (~torch.isfinite(table) & (table != _ABSENT)).nonzero()
        if len(bad):
            row, column = bad[0].tolist()
            not_finite(self.folder, f"{TERMS[column]} of iteration {before + row + 1}")


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
