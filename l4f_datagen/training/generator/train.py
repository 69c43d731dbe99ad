"""Training a StyleGAN2 from photographs alone (Karras et al. 2020), with adaptive augmentation for small sets."""

import logging
import time
from collections.abc import Generator as Made
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ...photographs.opening import open_source
from ...settings import CompleteGeneratorSettings, TrainGeneratorSettings, with_preset
from ...weights import native
from ...weights.native import cards, state
from ...weights.source import Source
from ..core.adversarial import real_batches
from ..core.divergence import Watch
from ..core.learner import check_batch
from ..core.log import Judge
from ..core.loop import Report, Training, carry_out, describe
from ..core.process_group import Processes
from ..core.real_images import RealImages
from ..core.run import RunFolder
from . import showing, start
from .distance import Distances, check_distances
from .learner import TERMS, GeneratorLearner
from .start import Trained

logger = logging.getLogger(__name__)

STAGE = "train-generator"
_FEW = 1000
"""Images below which a generator shows little more than what it was shown."""


@dataclass(frozen=True)
class GeneratorResult:
    """A finished run of ``train-generator``."""

    final: Path
    iterations: int
    images: int
    """Images seen in all."""
    reason: str
    """What ended it: "kimg", "hours" or "plateau"."""
    made: int
    """Iterations of this call."""


def train_generator(
    settings: TrainGeneratorSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Report = lambda progress: None,
) -> GeneratorResult:
    """Train a generator into the run folder ``out``, or continue the run that is there.

    Calls ``report`` with every line of the log. ``final/`` is a native checkpoint with the averaged network.

    Raises:
        UserError: images, settings or folder are not usable; nothing was written.
        WorkError: a loss was not finite, or the training diverged; the checkpoints before it stay.
    """
    processes = Processes(device=settings.device, precision=settings.precision)
    settings, trained, images = prepare(settings)
    check_batch(
        batch_size=settings.batch_size, accumulate=settings.accumulate, group=settings.minibatch_group,
        images=len(images.source), processes=processes.count,
    )  # fmt: skip
    check_distances(settings)
    facts = {"number of images": len(images.source)} | start.identity(settings, trained)
    if processes.is_first:
        _warn_of_few(len(images.source))

    def begin(folder: RunFolder) -> GeneratorTraining:
        first = start.start(settings, trained)
        learner = GeneratorLearner(settings, first.generator, first.discriminator, processes, averaged=first.averaged)
        return GeneratorTraining(settings, folder, learner, images, trained.source if trained else None)

    return carry_out(
        out, processes, describe(STAGE, settings, settings.FREE, facts), overwrite=overwrite, report=report,
        begin=begin, result=_result, more=lambda final: _asks_for_more(settings, final),
    )  # fmt: skip


def prepare(settings: TrainGeneratorSettings) -> tuple[CompleteGeneratorSettings, Trained | None, RealImages]:
    """Settings with the preset's values in them, the generator to grow or to go on from, and the real images.

    Raises:
        UserError: images, generator or resolution are not usable.
    """
    trained = start.trained_of(settings)
    resolution = start.resolution_of(settings, trained)
    source = open_source(settings.images, world_images=settings.world_images)
    complete = with_preset(settings, resolution=resolution, images=len(source))
    complete = start.check_channels(complete, trained)
    images = RealImages(
        source, size=resolution, seed=settings.seed, mirror=settings.mirror, content_rows=settings.content_rows
    )
    return complete, trained, images


class GeneratorTraining(Training[list[Tensor]]):
    """One run of ``train-generator``; a batch is its real images (N, 3, H, W), part by part."""

    terms = TERMS

    def __init__(
        self,
        settings: CompleteGeneratorSettings,
        folder: RunFolder,
        learner: GeneratorLearner,
        images: RealImages,
        origin: Source | None = None,
    ):
        super().__init__(settings, folder, learner)
        self.settings, self.learner, self.images, self.origin = settings, learner, images, origin
        self.distances = Distances(settings, learner)
        self.watch = Watch(folder, 0)
        self.reason = "kimg"
        self._seconds, self._start = 0.0, time.monotonic()

    def batches(self, iterations: range) -> Made[list[Tensor]]:
        return real_batches(self.images, self.learner, iterations)

    def step(self, iteration: int, batch: list[Tensor]) -> dict[str, Tensor]:
        return step(self.learner, iteration, batch)

    def judge(self, begun: int) -> Judge:
        self.watch = Watch(self.folder, begun)
        return self.watch.judge

    def worth_keeping(self) -> bool:
        """Not while losses are too high: such a checkpoint would push out what was good."""
        return self.watch.since is None

    def ended(self, done: int) -> bool:
        """Whether images or time are used up; the first process's clock counts for all."""
        s = self.settings
        if done >= s.iterations:
            self.reason = "kimg"
            return True
        if s.hours is None or done % min(s.log_every, s.checkpoint_every):
            return False
        late = self.processes.is_first and self._elapsed() >= 3600 * s.hours
        if self.processes.any(late):
            self.reason = "hours"
            return True
        return False

    def measures(self, done: int, ended: bool) -> bool:
        return self.distances.due(done, ended)

    def measure(self, done: int) -> dict[str, float]:
        return self.distances.measure(done)

    def enough(self, done: int) -> bool:
        """Whether the distance no longer falls; the first process, which measures, decides for all."""
        plateau = self.settings.plateau
        if plateau and self.processes.any(self.distances.plateaued(done, plateau)):
            self.reason = "plateau"
            return True
        return False

    def numbers(self) -> dict[str, Any]:
        return {"seconds": self._elapsed(), "distances": self.distances.state()}

    def restore(self, numbers: Mapping[str, Any]) -> None:
        self._seconds = state.number(numbers, "seconds")
        self.distances.restore(state.section(numbers, "distances"))

    def show(self, sheet: Path) -> None:
        showing.save_sheet(sheet, self.learner.centre(), self.images, self.settings.seed)

    def save(self, target: Path, done: int) -> None:
        card = {"name": f"{self.folder.path.name}, iteration {done}", **self._licence()}
        native.save(target, generator=self.learner.centre(), card=card)

    def finish(self, done: int) -> None:
        s = self.settings
        how = f", grown from {s.grow_from}" if s.grow_from else f", going on from {s.from_}" if s.from_ else ""
        how += f" (SHA-256 {self.origin.sha256})" if self.origin else ""
        facts = {
            "images_found": len(self.images.source),
            "images_seen": done * s.batch_size,
            "iterations": done,
            "ended_by": self.reason,
            "seconds": round(self._elapsed()),
            "ada_p": round(self.learner.p, 4),
        }
        card = {
            "name": self.folder.path.name,
            "source": {"generator": f"trained by l4f-datagen {STAGE} on {s.images}{how}"},
            **self._licence(),
            "training": {"generator": s.model_dump(mode="json") | facts},
            "quality": self.distances.quality(),
        }
        network = self.learner.centre()
        self.folder.write_folder(self.folder.final, lambda target: native.save(target, generator=network, card=card))

    def _licence(self) -> dict[str, str]:
        """That of the weights that it went on from, if any."""
        return {"licence": self.origin.licence} if self.origin else {}

    def _elapsed(self) -> float:
        """Seconds of training, those before an interruption among them."""
        return self._seconds + time.monotonic() - self._start


def step(learner: GeneratorLearner, iteration: int, reals: list[Tensor]) -> dict[str, Tensor]:
    """One step of both networks; its terms."""
    s = learner.settings
    terms = learner.discriminator_step(iteration, reals)

    # Lazy regularisation: steps of their own, as in StyleGAN2.
    if s.r1 > 0 and iteration % s.r1_every == 0:
        terms |= learner.r1_step(iteration, reals)

    # The generator against the discriminator that was just trained.
    terms |= learner.generator_step(iteration)
    if s.path_length > 0 and iteration % s.path_length_every == 0:
        terms |= learner.path_length_step(iteration)

    learner.average_weights(iteration)
    learner.adjust_augmentation(iteration)
    return terms


def _asks_for_more(settings: TrainGeneratorSettings, final: Path) -> bool:
    """Whether the settings now ask for more than the finished run of this ``final/``."""
    names = ("kimg", "hours", "plateau")
    card = cards.training_of(final, "generator", *names, "iterations")
    same = all(card[name] == getattr(settings, name) for name in names)
    return not same and card["iterations"] < settings.iterations


def _result(final: Path, made: int) -> GeneratorResult:
    card = cards.training_of(final, "generator", "iterations", "images_seen", "ended_by")
    return GeneratorResult(final, card["iterations"], card["images_seen"], card["ended_by"], made)


def _warn_of_few(images: int) -> None:
    if images < _FEW:
        logger.warning(
            "%d images are few: expect near copies of them and little variety, even with augmentation; a few thousand"
            " give a generator of its own; --mirror doubles them where left and right do not matter",
            images,
        )
