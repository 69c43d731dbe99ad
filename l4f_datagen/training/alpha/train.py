"""Training the alpha network: a frozen generator, a weak discriminator, no mask (Labels4Free, 3.3)."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ... import weights
from ...errors import UserError
from ...networks.stylegan2 import Generator
from ...photographs.opening import open_source
from ...progress.state import TrainingProgress
from ...settings import TrainAlphaSettings
from ...weights import native
from ...weights.source import Source
from ..core import degeneration, keeping
from ..core.learner import check_batch
from ..core.log import TermLog
from ..core.process_group import Processes
from ..core.real_images import RealImages
from ..core.run import RunFolder
from . import showing as preview
from .learner import TERMS, AlphaLearner

STAGE = "train-alpha"
_QUALITY_SAMPLES = 256
_PATIENCE = 0.3
"""Share of a run before which masks may look degenerated: they begin undecided."""


@dataclass(frozen=True)
class Result:
    """A finished run."""

    final: Path
    verdict: str | None
    """What is wrong with the masks; None if nothing is."""
    made: int
    """Iterations of this call."""


def train_alpha(
    settings: TrainAlphaSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Callable[[TrainingProgress], None] = lambda progress: None,
) -> Result:
    """Train an alpha network into the run folder ``out``, or continue the run that is there.

    Calls ``report`` with every line of the log. ``final/`` is a native checkpoint with the averaged network.

    Raises:
        UserError: generator, images, settings or folder are not usable; nothing was written.
        WorkError: a loss was not finite; the checkpoints before it stay.
    """
    processes = Processes(device=settings.device, precision=settings.precision)
    generator, source = weights.read_generator(settings.generator)
    images = open_images(settings, generator)
    check(settings, generator, len(images.source), processes.count)
    folder = RunFolder(Path(out).expanduser())
    with folder.opened(processes, _describe(settings, source, len(images.source)), overwrite=overwrite):
        if native.is_native(folder.final):
            quality = native.read_card(folder.final).get("quality", {})
            return Result(folder.final, quality.get("warning"), 0)
        learner = AlphaLearner(settings, generator, processes)
        begun = keeping.resume(folder, learner)
        if processes.is_first:
            folder.cut_log(begun)
        loop(settings, folder, learner, images, begun, report)
        verdict = _finish(settings, folder, learner, source, len(images.source))
        processes.wait()
        return Result(folder.final, verdict, settings.iterations - begun)


def check(settings: TrainAlphaSettings, generator: Generator, images: int, processes: int) -> None:
    """Refuse settings that do not go with the generator, the images or the processes.

    Raises:
        UserError: as it says.
    """
    resolution = generator.architecture.resolution
    if settings.first_resolution == "auto":
        raise UserError(
            "first_resolution", got="auto", expected="a resolution", remedy="run analyze layers and name its answer"
        )
    if settings.first_resolution > resolution // 2:
        raise UserError(
            "first_resolution", got=settings.first_resolution,
            expected=f"at most {resolution // 2}, two levels of a generator of {resolution} px",
            remedy="lower --first-resolution",
        )  # fmt: skip
    check_batch(
        batch_size=settings.batch_size, accumulate=settings.accumulate, group=settings.minibatch_group,
        images=images, processes=processes,
    )  # fmt: skip


def open_images(settings: TrainAlphaSettings, generator: Generator) -> RealImages:
    source = open_source(settings.images, world_images=settings.world_images)
    return RealImages(
        source,
        size=generator.architecture.resolution,
        seed=settings.seed,
        mirror=settings.mirror,
        content_rows=settings.content_rows,
    )


def _describe(settings: TrainAlphaSettings, generator: Source, images: int) -> dict[str, Any]:
    values = settings.model_dump(mode="json")
    identity = {k: v for k, v in values.items() if k not in settings.FREE and k not in ("generator", "device")}
    identity |= {"generator": generator.sha256, "number of images": images}
    return {"stage": STAGE, "settings": values, "identity": identity}


def loop(
    settings: TrainAlphaSettings,
    folder: RunFolder,
    learner: AlphaLearner,
    images: RealImages,
    begun: int,
    report: Callable[[TrainingProgress], None],
) -> None:
    def judge(done: int, means: Mapping[str, float]) -> str | None:
        return degeneration.verdict(means) if done >= _PATIENCE * settings.iterations else None

    log = TermLog(TERMS, settings.iterations, folder, learner.processes, report, begun, judge=judge)
    plan = (
        learner.positions(iteration, part)
        for iteration in range(begun, settings.iterations)
        for part in range(settings.accumulate)
    )
    workers, device = learner.processes.reading_threads(), learner.device
    with contextlib.closing(images.batches(plan, workers=workers, device=device)) as batches:
        for iteration in range(begun, settings.iterations):
            # Both rates follow from the iteration alone.
            learner.set_rates(rate_factor(iteration, settings))

            # Draw real images and composites, part by part.
            reals = [next(batches) for _ in range(settings.accumulate)]
            terms = learner.discriminator_step(iteration, reals)

            # Lazy regularisation: a step of its own, as in StyleGAN2.
            if iteration % settings.r1_every == 0 and settings.r1 > 0:
                terms |= learner.r1_step(reals)

            # The alpha network against the discriminator that was just trained.
            terms |= learner.alpha_step(iteration)
            learner.average_weights(iteration)

            # Tell, show, keep.
            done = iteration + 1
            log.add(terms)
            if _due(done, settings.log_every, settings) or _due(done, settings.checkpoint_every, settings):
                log.write(done)
            if learner.processes.is_first and _due(done, settings.sheet_every, settings):
                preview.save_sheet(folder.sheet(done), learner.averaged, learner.generator, settings)
            if _due(done, settings.checkpoint_every, settings):
                _checkpoint(settings, folder, learner, done)


def rate_factor(iteration: int, settings: TrainAlphaSettings) -> float:
    """What both learning rates are multiplied with: 1, then half a cosine to 0 over the last share of the run."""
    falling = settings.anneal * settings.iterations
    left = settings.iterations - iteration
    return 1.0 if left >= falling else 0.5 - 0.5 * math.cos(math.pi * left / falling)


def _due(done: int, every: int, settings: TrainAlphaSettings) -> bool:
    return keeping.due(done, every, settings.iterations)


def _checkpoint(settings: TrainAlphaSettings, folder: RunFolder, learner: AlphaLearner, done: int) -> None:
    card = {"name": f"{folder.path.name}, iteration {done}"}
    keeping.keep(
        folder, learner, done, count=settings.keep_checkpoints,
        save=lambda target: native.save(target, alpha=learner.averaged, card=card),
    )  # fmt: skip


def _finish(
    settings: TrainAlphaSettings, folder: RunFolder, learner: AlphaLearner, source: Source, images: int
) -> str | None:
    """Measure the averaged network and write ``final/``. Returns what is wrong with its masks."""
    measured = _measure(settings, learner)
    verdict = degeneration.verdict(measured)
    quality = {"samples": _QUALITY_SAMPLES, "psi": settings.psi} | {k: round(v, 4) for k, v in measured.items()}
    card = {
        "name": folder.path.name,
        "licence": source.licence,
        "source": {"alpha": f"trained by l4f-datagen train-alpha on {settings.generator} and {settings.images}"},
        "training": {"alpha": settings.model_dump(mode="json") | {"images_found": images}},
        "quality": quality | ({"warning": verdict} if verdict else {}),
    }
    if learner.processes.is_first:
        folder.write_folder(folder.final, lambda target: native.save(target, alpha=learner.averaged, card=card))
    return verdict


def _measure(settings: TrainAlphaSettings, learner: AlphaLearner) -> dict[str, float]:
    rows = []
    for masks in _masks(settings, learner):
        rows.append(torch.stack(degeneration.statistics(masks)))
    means = torch.stack(rows).mean(0).tolist()
    return dict(zip(degeneration.MaskStatistics._fields, means))


def _masks(settings: TrainAlphaSettings, learner: AlphaLearner) -> Iterator[torch.Tensor]:
    for start in range(0, _QUALITY_SAMPLES, 8):
        yield preview.draw(learner.averaged, learner.generator, settings, range(start, start + 8)).alpha
