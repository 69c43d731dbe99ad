"""Training a segmenter on labelled shards, the downstream use that Labels4Free is for (4.3)."""

import contextlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...documents import read_json
from ...errors import UserError
from ...progress.state import TrainingProgress
from ...settings import TrainSegmenterSettings
from ...weights import native
from ...weights.native import state
from ..core import keeping
from ..core.log import TermLog
from ..core.process_group import Processes
from ..core.run import CHECKPOINTS, RunFolder
from . import validation
from .batches import LabelledBatches
from .learner import TERMS, SegmenterLearner

STAGE = "train-segmenter"
BEST = "best"
"""The folder in checkpoints/ with the averaged network of the highest mIoU so far."""


@dataclass(frozen=True)
class Result:
    """A finished run."""

    final: Path
    quality: dict[str, Any]
    """As in the card: ``miou``, ``iou_foreground``, ``accuracy``, of which iteration; empty without validation."""
    made: int
    """Iterations of this call."""


def train_segmenter(
    settings: TrainSegmenterSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Callable[[TrainingProgress], None] = lambda progress: None,
) -> Result:
    """Train a segmenter into the run folder ``out``, or continue the run that is there.

    Calls ``report`` with every line of the log. ``final/`` is a native checkpoint with the averaged network.

    Raises:
        UserError: shards, settings or folder are not usable; nothing was written.
        WorkError: a loss was not finite, or an image is damaged; the checkpoints before it stay.
    """
    check(settings)
    processes = Processes(device=settings.device, precision=settings.precision)
    check_processes(settings, processes.count)
    batches = LabelledBatches(settings)
    folder = RunFolder(Path(out).expanduser())
    with folder.opened(processes, _describe(settings, batches), overwrite=overwrite):
        if native.is_native(folder.final):
            return Result(folder.final, native.read_card(folder.final).get("quality", {}), 0)
        learner = SegmenterLearner(settings, batches.size, processes)
        run = SegmenterRun(settings, folder, learner, batches)
        begun = run.resume()
        if processes.is_first:
            folder.cut_log(begun)
        run.loop(begun, report)
        run.finish()
        processes.wait()
        return Result(folder.final, native.read_card(folder.final).get("quality", {}), settings.iterations - begun)


def check(settings: TrainSegmenterSettings) -> None:
    """Refuse settings that do not go together.

    Raises:
        UserError: as it says.
    """
    if settings.loss == "soft" and settings.classes > 2:
        raise UserError(
            "loss", got=f"soft with {settings.classes} classes", expected="cross_entropy, or two classes",
            remedy="an alpha tells two classes apart; use --loss cross_entropy",
        )  # fmt: skip


def check_processes(settings: TrainSegmenterSettings, processes: int) -> None:
    """Refuse a batch that the processes cannot share.

    Raises:
        UserError: as it says.
    """
    if settings.batch_size % processes or settings.batch_size // processes < 2:
        raise UserError(
            "batch_size", got=f"{settings.batch_size} for {processes} processes",
            expected=f"a multiple of {processes}, two or more images each, which batch normalisation needs",
            remedy="change --batch-size",
        )  # fmt: skip


class SegmenterRun:
    """The loop of one run, and what it keeps."""

    def __init__(
        self, settings: TrainSegmenterSettings, folder: RunFolder, learner: SegmenterLearner, batches: LabelledBatches
    ):
        self.settings, self.folder, self.learner, self.batches = settings, folder, learner, batches
        self.best: dict[str, Any] = {}
        """Iteration and measures of the network in checkpoints/best."""
        self.last: dict[str, Any] = {}

    def resume(self) -> int:
        """Load the newest checkpoint. Returns its iteration, 0 if there is none."""
        begun = keeping.resume(self.folder, self.learner)
        if begun:
            with state.opened(self.folder.checkpoint(begun) / keeping.RUN_STATE) as (_, numbers):
                self.best, self.last = state.section(numbers, "best"), state.section(numbers, "last")
        return begun

    def loop(self, begun: int, report: Callable[[TrainingProgress], None], *, end: int | None = None) -> None:
        """Train from iteration ``begun`` to the last one, or to ``end``, as a benchmark does."""
        end = end or self.settings.iterations
        s, learner, folder = self.settings, self.learner, self.folder
        log = TermLog(TERMS, s.iterations, folder, learner.processes, report, begun)
        plan = (learner.positions(iteration) for iteration in range(begun, end))
        workers = learner.processes.reading_threads(s.workers)
        with contextlib.closing(self.batches.batches(plan, workers=workers)) as batches:
            for iteration, batch in zip(range(begun, end), batches):
                terms = learner.learn(iteration, batch.to(learner.device))

                # Tell, measure, show, keep.
                done = iteration + 1
                log.add(terms)
                if self._due(done, s.validate_every):
                    log.write(done, lambda done=done: self._validate(done))
                elif self._due(done, s.log_every) or self._due(done, s.checkpoint_every):
                    log.write(done)
                if learner.processes.is_first and self._due(done, s.sheet_every):
                    validation.save_sheet(folder.sheet(done), learner.averaged, self._shown(), learner.device)
                if self._due(done, s.checkpoint_every):
                    self._checkpoint(done)

    def finish(self) -> None:
        """Write ``final/``: the best or the last averaged network."""
        if not self.learner.processes.is_first:
            return
        network, quality = self.learner.averaged, self.last
        if self.settings.keep == "best" and self.best:
            quality = self.best
            with state.opened(self._best_folder / keeping.STATE) as (tensors, _):
                state.into_module("averaged", network, tensors)
        card = self._card(self.folder.path.name) | {"quality": self._quality(quality)}
        self.folder.write_folder(self.folder.final, lambda target: native.save(target, segmenter=network, card=card))

    @property
    def _best_folder(self) -> Path:
        return self.folder.path / CHECKPOINTS / BEST

    def _due(self, done: int, every: int) -> bool:
        return keeping.due(done, every, self.settings.iterations)

    def _shown(self):
        """The first images of validation, of training where there are none."""
        if self.batches.validated:
            return next(self.batches.validation_batches(8))
        return self.batches.batch(range(8))

    def _validate(self, done: int) -> dict[str, float]:
        """Measure the averaged network, in the first process; keep it if it is the best so far."""
        learner = self.learner
        if not self.batches.validated or not learner.processes.is_first:
            return {}
        found = validation.validate(
            learner.averaged, self.batches.validation_batches(self.settings.batch_size), learner.device
        )
        measured = {"iteration": done, **{name: round(value, 6) for name, value in found.items()}}
        self.last = measured
        if not self.best or measured["miou"] > self.best["miou"]:
            self.best = measured
            self._keep_best(done)
        return found

    def _checkpoint(self, done: int) -> None:
        def save(target: Path) -> None:
            state.save(target / keeping.RUN_STATE, {}, {"best": self.best, "last": self.last})
            self._save(target, done)

        keeping.keep(self.folder, self.learner, done, count=self.settings.keep_checkpoints, save=save)

    def _keep_best(self, done: int) -> None:
        tensors = state.of_module("averaged", self.learner.averaged)

        def fill(target: Path) -> None:
            state.save(target / keeping.STATE, tensors, self.best)
            self._save(target, done)

        self.folder.write_folder(self._best_folder, fill)

    def _save(self, target: Path, done: int) -> None:
        """The averaged network as a checkpoint that can be used as it is."""
        card = self._card(f"{self.folder.path.name}, iteration {done}")
        native.save(target, segmenter=self.learner.averaged, card=card)

    def _quality(self, measured: dict[str, Any]) -> dict[str, Any]:
        if not measured:
            return {}
        return {"validation": self.settings.validation, "images": self.batches.validated, **measured}

    def _card(self, name: str) -> dict[str, Any]:
        used = self.settings.model_dump(mode="json") | {"foregrounds": self.batches.foregrounds}
        source = f"trained by l4f-datagen {STAGE} on {', '.join(self.settings.shards)}"
        return {
            "name": name,
            "licence": self.batches.licence,
            "source": {"segmenter": source},
            "training": {"segmenter": used},
        }


def _describe(settings: TrainSegmenterSettings, batches: LabelledBatches) -> dict[str, Any]:
    values = settings.model_dump(mode="json")
    left_out = (*settings.FREE, "shards", "validation", "device")
    identity = {key: value for key, value in values.items() if key not in left_out}
    weights = [source.weight for source in settings.sources]
    identity["shards"] = [_plain(s.identity | {"weight": w}) for s, w in zip(batches.sources, weights, strict=True)]
    held_out = settings.held_out
    parts = itertools.chain(part.source.identity for part in batches.validation)
    identity["validation"] = held_out if held_out is not None else [_plain(identity) for identity in parts]
    return {"stage": STAGE, "settings": values, "identity": identity}


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    return read_json(json.dumps(value).encode(), "a source's identity")
