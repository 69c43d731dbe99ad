"""The loop that all trainings share: begin or go on, then step, tell, measure, show and keep until it ends."""

import abc
import contextlib
from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from torch import Tensor

from ...progress.state import Counted, TrainingProgress
from ...settings import StageSettings, same
from ...storage.opening import local_place
from ...weights import native
from ...weights.native import state
from . import keeping
from .learner import Learner
from .log import Judge, TermLog
from .process_group import Processes
from .run import RunFolder

Batch = TypeVar("Batch")
Outcome = TypeVar("Outcome")
Report = Callable[[TrainingProgress], None]
Count = Callable[[Counted], None]
"""Is told how far a run is in what it does between its steps, at the beginning of it, now and then, and at its end."""


class Pace(Protocol):
    """How long a run is, and how many iterations lie between what happens now and then."""

    @property
    def iterations(self) -> int: ...
    @property
    def log_every(self) -> int: ...
    @property
    def sheet_every(self) -> int: ...
    @property
    def checkpoint_every(self) -> int: ...
    @property
    def keep_checkpoints(self) -> int: ...


class Training(abc.ABC, Generic[Batch]):
    """One run of a stage. A subclass says what a step is; the order of all else is the same for every stage."""

    terms: ClassVar[tuple[str, ...]]
    """Names of what a step may measure, for the log."""

    def __init__(self, pace: Pace, folder: RunFolder, learner: Learner):
        self.pace, self.folder, self.processes = pace, folder, learner.processes
        self._learner = learner

    @abc.abstractmethod
    def batches(self, iterations: range) -> Generator[Batch]:
        """What each of these iterations learns from, in order."""

    @abc.abstractmethod
    def step(self, iteration: int, batch: Batch) -> dict[str, Tensor]:
        """Learn from one batch. Returns scalars by name, some of ``terms``."""

    @abc.abstractmethod
    def show(self, sheet: Path) -> None:
        """Write what a person looks at; called in the first process alone."""

    @abc.abstractmethod
    def save(self, target: Path, done: int) -> None:
        """Write the averaged network after ``done`` iterations as a checkpoint that can be used as it is."""

    @abc.abstractmethod
    def finish(self, done: int) -> None:
        """Write ``final/``; called in the first process alone."""

    def judge(self, begun: int) -> Judge:
        """Who looks at each line of a log that begins after iteration ``begun``; by default nobody."""
        return lambda done, means: None

    @property
    def expected(self) -> int:
        """Iterations of the whole run, as far as is known now."""
        return self.pace.iterations

    def news(self) -> list[str]:
        """What the last step decided and people are told, a sentence each; a line of the log has to be due."""
        return []

    def ended(self, done: int) -> bool:
        """Whether the run is over after ``done`` iterations; all processes give the same answer."""
        return done >= self.pace.iterations

    def measures(self, done: int, ended: bool) -> bool:
        """Whether the averaged network is measured now."""
        return False

    def measure(self, done: int) -> dict[str, float]:
        """Measure the averaged network. Returns numbers by name, for the log; of the first process alone."""
        return {}

    def enough(self, done: int) -> bool:
        """Whether the run is over for what was just measured; all processes give the same answer."""
        return False

    def worth_keeping(self) -> bool:
        """Whether a checkpoint may be written, which pushes the oldest one out."""
        return True

    def numbers(self) -> dict[str, Any]:
        """What the run has to know when it goes on, beside the learner's state; nothing by default."""
        return {}

    def restore(self, numbers: Mapping[str, Any]) -> None:
        """The reverse of ``numbers``."""

    def resume(self) -> int:
        """Load the newest checkpoint. Returns its iteration, 0 if there is none."""
        begun = keeping.resume(self.folder, self._learner)
        if begun and self.numbers():
            with state.opened(self.folder.checkpoint(begun) / keeping.RUN_STATE) as (_, numbers):
                self.restore(numbers)
        return begun

    def loop(self, begun: int, report: Report, *, end: int | None = None) -> int:
        """Train from iteration ``begun`` until something ends it, or to ``end``, as a benchmark does.

        Returns the iterations done.
        """
        pace, done = self.pace, begun
        judge = self.judge(begun)
        log = TermLog(self.terms, self.expected, self.folder, self.processes, report, begun, judge=judge)
        with contextlib.closing(self.batches(range(begun, end or self.expected))) as batches:
            while done < (end or self.expected):
                log.add(self.step(done, next(batches)))

                # Tell, measure, show, keep; the last iteration does all of it.
                done += 1
                ended = self.ended(done)
                measuring = self.measures(done, ended)
                keeping_now = done % pace.checkpoint_every == 0
                if measuring or ended or keeping_now or done % pace.log_every == 0:
                    log.iterations = self.expected
                    log.write(done, partial(self.measure, done) if measuring else dict, self.news())
                ended = ended or (measuring and self.enough(done))
                if self.processes.is_first and (ended or done % pace.sheet_every == 0):
                    self.show(self.folder.sheet(done))
                if (ended or keeping_now) and self.worth_keeping():
                    self._keep(done)
                if ended:
                    break
        return done

    def _keep(self, done: int) -> None:
        numbers = self.numbers()

        def save(target: Path) -> None:
            if numbers:
                state.save(target / keeping.RUN_STATE, {}, numbers)
            self.save(target, done)

        keeping.keep(self.folder, self._learner, done, count=self.pace.keep_checkpoints, save=save)


def carry_out(
    out: str | Path,
    processes: Processes,
    description: Mapping[str, Any],
    *,
    overwrite: bool,
    report: Report,
    begin: Callable[[RunFolder], Training[Any]],
    result: Callable[[Path, int], Outcome],
    more: Callable[[Path], bool] = lambda final: False,
) -> Outcome:
    """Begin the run in the folder ``out``, or continue the one that is there, and bring it to its end.

    Args:
        description, overwrite: as ``RunFolder.begin`` takes them.
        report: called with every line of the log.
        begin: makes the run before its first step.
        result: what is told of a finished run, of its ``final/`` and of the iterations that this call made.
        more: whether the settings ask for more than the finished run of this ``final/``.

    Raises:
        UserError: as ``RunFolder.opened``.
    """
    folder = RunFolder(local_place(out))
    with folder.opened(processes, description, overwrite=overwrite):
        if native.is_native(folder.final) and not more(folder.final):
            return result(folder.final, 0)
        training = begin(folder)
        begun = training.resume()
        if processes.is_first:
            folder.cut_log(begun)
        done = training.loop(begun, report)
        if processes.is_first:
            training.finish(done)
        processes.wait()
        return result(folder.final, done - begun)


def describe(
    stage: str,
    settings: StageSettings,
    free: frozenset[str],
    facts: Mapping[str, Any],
    chosen: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What ``RunFolder.begin`` takes.

    Args:
        free, facts: as ``settings.same.describe`` takes them.
        chosen: those of the settings that nobody gave, but a preset chose.
    """
    described = same.describe(settings, facts, free)
    told = {} if chosen is None else {"chosen": dict(chosen)}
    return {"stage": stage, "settings": described.pop("settings"), **told, **described}
