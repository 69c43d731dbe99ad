"""Training a segmenter on labelled shards, the downstream use that Labels4Free is for (4.3)."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ...documents import read_json
from ...errors import UserError
from ...settings import TrainSegmenterSettings, fingerprint
from ...weights import native
from ...weights.native import state
from ..core import keeping
from ..core.loop import Report, Training, carry_out, describe
from ..core.process_group import Processes
from ..core.run import CHECKPOINTS, RunFolder
from . import beginning, validation, weighting
from .batches import Batch, LabelledBatches
from .learner import TERMS, SegmenterLearner

STAGE = "train-segmenter"
BEST = "best"
"""The folder in checkpoints/ with the averaged network of the highest mIoU so far."""
_SHOWN = 8
"""Images on a sheet."""


@dataclass(frozen=True)
class SegmenterResult:
    """A finished run of ``train-segmenter``."""

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
    report: Report = lambda progress: None,
) -> SegmenterResult:
    """Train a segmenter into the run folder ``out``, or continue the run that is there.

    Calls ``report`` with every line of the log. ``final/`` is a native checkpoint with the averaged network.

    Raises:
        UserError: shards, settings or folder are not usable; nothing was written.
        WorkError: a loss was not finite, or an image is damaged; the checkpoints before it stay.
    """
    check(settings)
    processes = Processes(device=settings.device, precision=settings.precision)
    check_processes(settings, processes.count)
    labelled = LabelledBatches(settings, device=str(processes.device))
    beginning.check(settings, labelled.size)

    def begin(folder: RunFolder) -> SegmenterTraining:
        return SegmenterTraining(settings, folder, SegmenterLearner(settings, labelled.size, processes), labelled)

    free = settings.FREE | settings.OF_ROUNDS | {n for n in ("sample_weights", "without") if not getattr(settings, n)}
    return carry_out(
        out, processes, describe(STAGE, settings, free, facts(settings, labelled)), overwrite=overwrite,
        report=report, begin=begin, result=result,
    )  # fmt: skip


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


class SegmenterTraining(Training[Batch]):
    """One run of ``train-segmenter``."""

    terms = TERMS

    def __init__(
        self, settings: TrainSegmenterSettings, folder: RunFolder, learner: SegmenterLearner, labelled: LabelledBatches
    ):
        super().__init__(settings, folder, learner)
        self.settings, self.learner, self.labelled = settings, learner, labelled
        self.best: dict[str, Any] = {}
        """Iteration and measures of the network in checkpoints/best."""
        self.last: dict[str, Any] = {}
        self.begun = beginning.begun(settings)

    def batches(self, iterations: range) -> Generator[Batch]:
        plan = (self.learner.positions(iteration) for iteration in iterations)
        return self.labelled.batches(plan, workers=self.processes.reading_threads(self.settings.workers))

    def step(self, iteration: int, batch: Batch) -> dict[str, Tensor]:
        return self.learner.learn(iteration, batch.to(self.learner.device))

    def measures(self, done: int, ended: bool) -> bool:
        return ended or done % self.settings.validate_every == 0

    def measure(self, done: int) -> dict[str, float]:
        """Validate the averaged network, in the first process; keep it if it is the best so far."""
        if not self.labelled.validated or not self.processes.is_first:
            return {}
        batches = self.labelled.validation_batches(self.settings.batch_size)
        found = validation.validate(self.learner.averaged, batches, self.learner.device)
        self.last = {"iteration": done, **{name: round(value, 6) for name, value in found.items()}}
        if not self.best or self.last["miou"] > self.best["miou"]:
            self.best = self.last
            self._keep_best(done)
        return found

    def numbers(self) -> dict[str, Any]:
        return {"best": self.best, "last": self.last}

    def restore(self, numbers: Mapping[str, Any]) -> None:
        self.best, self.last = state.section(numbers, "best"), state.section(numbers, "last")

    def show(self, sheet: Path) -> None:
        """Show the first images of validation, of training where there are none."""
        if self.labelled.validated:
            batch = next(self.labelled.validation_batches(_SHOWN))
        else:
            batch = self.labelled.batch(range(_SHOWN))
        validation.save_sheet(sheet, self.learner.averaged, batch, self.learner.device)

    def save(self, target: Path, done: int) -> None:
        card = self._card(f"{self.folder.path.name}, iteration {done}")
        native.save(target, segmenter=self.learner.averaged, card=card)

    def finish(self, done: int) -> None:
        """Write ``final/``: the best or the last averaged network."""
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

    def _keep_best(self, done: int) -> None:
        tensors = state.of_module("averaged", self.learner.averaged)

        def fill(target: Path) -> None:
            state.save(target / keeping.STATE, tensors, self.best)
            self.save(target, done)

        self.folder.write_folder(self._best_folder, fill)

    def _quality(self, measured: dict[str, Any]) -> dict[str, Any]:
        if not measured:
            return {}
        return {"validation": self.settings.validation, "images": self.labelled.validated, **measured}

    def _card(self, name: str) -> dict[str, Any]:
        used = self.settings.model_dump(mode="json") | {"foregrounds": self.labelled.foregrounds}
        source = f"trained by l4f-datagen {STAGE} on {', '.join(self.settings.shards)}{self.begun}"
        return {
            "name": name,
            "licence": self.labelled.licence,
            "source": {"segmenter": source},
            "training": {"segmenter": used},
        }


def facts(settings: TrainSegmenterSettings, labelled: LabelledBatches) -> dict[str, Any]:
    """What lies where the settings' places point: by that, not by their names, a run is the same one."""
    weights = [source.weight for source in settings.sources]
    shards = [_plain(s.identity | {"weight": w}) for s, w in zip(labelled.sources, weights, strict=True)]
    known: dict[str, Any] = {"shards": shards, **beginning.identity(settings)}
    if settings.sample_weights:
        known["sample_weights"] = fingerprint(weighting.read(settings.sample_weights))
    if settings.held_out is not None:
        return known | {"validation": settings.held_out}
    return known | {"validation": [_plain(part.source.identity) for part in labelled.validation]}


def result(final: Path, made: int) -> SegmenterResult:
    return SegmenterResult(final, native.read_card(final).get("quality", {}), made)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    return read_json(json.dumps(value).encode(), "a source's identity")
