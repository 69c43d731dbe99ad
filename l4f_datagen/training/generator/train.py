"""Training a StyleGAN2 from photographs alone (Karras et al. 2020), with adaptive augmentation for small sets."""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ...photographs.opening import open_source
from ...progress.state import TrainingProgress
from ...settings import TrainGeneratorSettings, with_preset
from ...weights import native
from ...weights.native import cards, state
from ..core import keeping
from ..core.divergence import Watch
from ..core.learner import check_batch
from ..core.log import TermLog
from ..core.process_group import Processes
from ..core.real_images import RealImages
from ..core.run import RunFolder
from . import showing as generator_preview
from . import start as generator_start
from .distance import Distances, check_distances
from .learner import TERMS, GeneratorLearner
from .start import Trained

logger = logging.getLogger(__name__)

STAGE = "train-generator"
_FEW = 1000
"""Images below which a generator shows little more than what it was shown."""


@dataclass(frozen=True)
class Result:
    """A finished run."""

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
    report: Callable[[TrainingProgress], None] = lambda progress: None,
) -> Result:
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
    folder = RunFolder(Path(out).expanduser())
    with folder.opened(processes, _describe(settings, trained, images), overwrite=overwrite):
        if processes.is_first:
            _warn_of_few(len(images.source))
        if finished := _finished(settings, folder):
            return finished
        begin = generator_start.start(settings, trained)
        learner = GeneratorLearner(settings, begin.generator, begin.discriminator, processes, averaged=begin.averaged)
        run = GeneratorRun(settings, folder, learner, images)
        begun = run.resume()
        if processes.is_first:
            folder.cut_log(begun)
        done = run.loop(begun, report)
        result = Result(folder.final, done, done * settings.batch_size, run.reason, done - begun)
        run.finish(result)
        processes.wait()
        return result


def prepare(settings: TrainGeneratorSettings) -> tuple[TrainGeneratorSettings, Trained | None, RealImages]:
    """Settings with the preset's values in them, the generator to grow from, and the real images.

    Raises:
        UserError: images, generator or resolution are not usable.
    """
    trained = generator_start.open_trained(settings.grow_from) if settings.grow_from else None
    resolution = generator_start.resolution_of(settings, trained)
    source = open_source(settings.images, world_images=settings.world_images)
    settings = with_preset(settings, resolution=resolution, images=len(source))
    settings = generator_start.check_channels(settings, trained)
    images = RealImages(
        source, size=resolution, seed=settings.seed, mirror=settings.mirror, content_rows=settings.content_rows
    )
    return settings, trained, images


class GeneratorRun:
    """The loop of one run, what ends it, and what it keeps."""

    def __init__(
        self, settings: TrainGeneratorSettings, folder: RunFolder, learner: GeneratorLearner, images: RealImages
    ):
        self.settings, self.folder, self.learner, self.images = settings, folder, learner, images
        self.distances = Distances(settings, learner)
        self.reason = "kimg"
        self._seconds, self._start = 0.0, time.monotonic()

    def resume(self) -> int:
        """Load the newest checkpoint. Returns its iteration, 0 if there is none."""
        begun = keeping.resume(self.folder, self.learner)
        if begun:
            with state.opened(self.folder.checkpoint(begun) / keeping.RUN_STATE) as (_, numbers):
                self._seconds = state.number(numbers, "seconds")
                self.distances.restore(state.section(numbers, "distances"))
        return begun

    def loop(self, begun: int, report: Callable[[TrainingProgress], None], *, end: int | None = None) -> int:
        """Train from iteration ``begun`` until something ends it, or to ``end``, as a benchmark does.

        Returns the iterations done.
        """
        end = end or self.settings.iterations
        s, learner = self.settings, self.learner
        self._start = time.monotonic()
        watch = Watch(self.folder, begun)
        log = TermLog(TERMS, s.iterations, self.folder, learner.processes, report, begun, judge=watch.judge)
        plan = (learner.positions(iteration, part) for iteration in range(begun, end) for part in range(s.accumulate))
        done, workers = begun, learner.processes.reading_threads()
        with contextlib.closing(self.images.batches(plan, workers=workers, device=learner.device)) as batches:
            while done < end:
                reals = [next(batches) for _ in range(s.accumulate)]
                terms = step(learner, done, reals)

                # Tell, measure, show, keep; the last iteration does all of it.
                done += 1
                log.add(terms)
                ended = self._ended(done)
                measuring = self.distances.due(done, ended)
                if measuring or ended or done % s.log_every == 0 or done % s.checkpoint_every == 0:
                    log.write(done, partial(self.distances.measure, done) if measuring else dict)
                ended = ended or self._plateaued(done, measuring)
                if learner.processes.is_first and (ended or done % s.sheet_every == 0):
                    generator_preview.save_sheet(self.folder.sheet(done), learner.centre(), self.images, s.seed)
                # While losses are too high nothing is kept: it would push out what was good.
                if watch.since is None and (ended or done % s.checkpoint_every == 0):
                    self._checkpoint(done)
                if ended:
                    break
        return done

    def finish(self, result: Result) -> None:
        """Write ``final/``: the averaged generator and its card."""
        if not self.learner.processes.is_first:
            return
        s = self.settings
        grown = f", grown from {s.grow_from}" if s.grow_from else ""
        card = {
            "name": self.folder.path.name,
            "source": {"generator": f"trained by l4f-datagen {STAGE} on {s.images}{grown}"},
            "training": {
                "generator": s.model_dump(mode="json")
                | {
                    "images_found": len(self.images.source),
                    "images_seen": result.images,
                    "iterations": result.iterations,
                    "ended_by": result.reason,
                    "seconds": round(self._elapsed()),
                    "ada_p": round(self.learner.p, 4),
                }
            },
            "quality": self.distances.quality(),
        }
        network = self.learner.centre()
        self.folder.write_folder(self.folder.final, lambda target: native.save(target, generator=network, card=card))

    def _checkpoint(self, done: int) -> None:
        card = {"name": f"{self.folder.path.name}, iteration {done}"}
        numbers = {"seconds": self._elapsed(), "distances": self.distances.state()}

        def save(target: Path) -> None:
            state.save(target / keeping.RUN_STATE, {}, numbers)
            native.save(target, generator=self.learner.centre(), card=card)

        keeping.keep(self.folder, self.learner, done, count=self.settings.keep_checkpoints, save=save)

    def _elapsed(self) -> float:
        """Seconds of training, those before an interruption among them."""
        return self._seconds + time.monotonic() - self._start

    def _ended(self, done: int) -> bool:
        """Whether images or time are used up; the first process's clock counts for all."""
        s = self.settings
        if done >= s.iterations:
            self.reason = "kimg"
            return True
        if s.hours is None or done % min(s.log_every, s.checkpoint_every):
            return False
        late = self.learner.processes.is_first and self._elapsed() >= 3600 * s.hours
        if self.learner.processes.any(late):
            self.reason = "hours"
            return True
        return False

    def _plateaued(self, done: int, measured: bool) -> bool:
        if measured and self.settings.plateau and self.learner.processes.any(self.distances.plateaued(done)):
            self.reason = "plateau"
            return True
        return False


def step(learner: GeneratorLearner, iteration: int, reals: list[torch.Tensor]) -> dict[str, torch.Tensor]:
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


def _describe(settings: TrainGeneratorSettings, trained: Trained | None, images: RealImages) -> dict[str, Any]:
    values = settings.model_dump(mode="json")
    identity = {k: v for k, v in values.items() if k not in settings.FREE and k not in ("grow_from", "device")}
    identity |= {"number of images": len(images.source), "grow_from": trained.source.sha256 if trained else None}
    return {"stage": STAGE, "settings": values, "identity": identity}


def _finished(settings: TrainGeneratorSettings, folder: RunFolder) -> Result | None:
    """The result that is there, unless the settings now ask for more."""
    if not native.is_native(folder.final):
        return None
    names = ("kimg", "hours", "plateau", "iterations", "images_seen", "ended_by")
    card = cards.training_of(folder.final, "generator", *names)
    same = all(card[key] == getattr(settings, key) for key in ("kimg", "hours", "plateau"))
    if not same and card["iterations"] < settings.iterations:
        return None
    return Result(folder.final, card["iterations"], card["images_seen"], card["ended_by"], 0)


def _warn_of_few(images: int) -> None:
    if images < _FEW:
        logger.warning(
            "%d images are few: expect near copies of them and little variety, even with augmentation; a few thousand"
            " give a generator of its own; --mirror doubles them where left and right do not matter",
            images,
        )
