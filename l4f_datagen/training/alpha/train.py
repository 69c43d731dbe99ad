"""Training the alpha network: a frozen generator, a weak discriminator, no mask (Labels4Free, 3.3)."""

import math
from collections.abc import Generator as Made
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ... import weights
from ...errors import UserError
from ...networks.stylegan2 import Generator
from ...photographs.opening import open_source
from ...settings import TrainAlphaSettings
from ...weights import native
from ...weights.source import Source
from ..core import degeneration
from ..core.adversarial import real_batches
from ..core.learner import check_batch
from ..core.log import Judge
from ..core.loop import Report, Training, carry_out, describe
from ..core.process_group import Processes
from ..core.real_images import RealImages
from ..core.run import RunFolder
from . import showing
from .learner import TERMS, AlphaLearner

STAGE = "train-alpha"
_QUALITY_SAMPLES, _AT_ONCE = 256, 8
"""Samples of which the finished network is measured, and how many of them are drawn together."""
_PATIENCE = 0.3
"""Share of a run before which masks may look degenerated: they begin undecided."""


@dataclass(frozen=True)
class AlphaResult:
    """A finished run of ``train-alpha``."""

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
    report: Report = lambda progress: None,
) -> AlphaResult:
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
    facts = {"generator": source.sha256, "number of images": len(images.source)}

    def begin(folder: RunFolder) -> AlphaTraining:
        return AlphaTraining(settings, folder, AlphaLearner(settings, generator, processes), images, source)

    return carry_out(
        out, processes, describe(STAGE, settings, settings.FREE, facts), overwrite=overwrite, report=report,
        begin=begin, result=_result,
    )  # fmt: skip


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
    """The real images at the generator's size.

    Raises:
        UserError: there are none where the settings say.
    """
    source = open_source(settings.images, world_images=settings.world_images)
    return RealImages(
        source,
        size=generator.architecture.resolution,
        seed=settings.seed,
        mirror=settings.mirror,
        content_rows=settings.content_rows,
    )


class AlphaTraining(Training[list[Tensor]]):
    """One run of ``train-alpha``; a batch is its real images (N, 3, H, W), part by part."""

    terms = TERMS

    def __init__(
        self, settings: TrainAlphaSettings, folder: RunFolder, learner: AlphaLearner, images: RealImages, source: Source
    ):
        super().__init__(settings, folder, learner)
        self.settings, self.learner, self.images, self.source = settings, learner, images, source

    def batches(self, iterations: range) -> Made[list[Tensor]]:
        return real_batches(self.images, self.learner, iterations)

    def step(self, iteration: int, batch: list[Tensor]) -> dict[str, Tensor]:
        s, learner = self.settings, self.learner

        # Both rates follow from the iteration alone.
        learner.set_rates(rate_factor(iteration, s))
        terms = learner.discriminator_step(iteration, batch)

        # Lazy regularisation: a step of its own, as in StyleGAN2.
        if iteration % s.r1_every == 0 and s.r1 > 0:
            terms |= learner.r1_step(iteration, batch)

        # The alpha network against the discriminator that was just trained.
        terms |= learner.alpha_step(iteration)
        learner.average_weights(iteration)
        return terms

    def judge(self, begun: int) -> Judge:
        patience = _PATIENCE * self.settings.iterations
        return lambda done, means: degeneration.verdict(means) if done >= patience else None

    def show(self, sheet: Path) -> None:
        showing.save_sheet(sheet, self.learner.averaged, self.learner.generator, self.settings)

    def save(self, target: Path, done: int) -> None:
        native.save(target, alpha=self.learner.averaged, card={"name": f"{self.folder.path.name}, iteration {done}"})

    def finish(self, done: int) -> None:
        s, measured = self.settings, self._measure()
        verdict = degeneration.verdict(measured)
        quality = {"samples": _QUALITY_SAMPLES, "psi": s.psi} | {k: round(v, 4) for k, v in measured.items()}
        card = {
            "name": self.folder.path.name,
            "licence": self.source.licence,
            "source": {"alpha": f"trained by l4f-datagen {STAGE} on {s.generator} and {s.images}"},
            "training": {"alpha": s.model_dump(mode="json") | {"images_found": len(self.images.source)}},
            "quality": quality | ({"warning": verdict} if verdict else {}),
        }
        network = self.learner.averaged
        self.folder.write_folder(self.folder.final, lambda target: native.save(target, alpha=network, card=card))

    def _measure(self) -> Mapping[str, float]:
        """What the averaged network's masks look like, over samples that training does not see."""
        rows = []
        for start in range(0, _QUALITY_SAMPLES, _AT_ONCE):
            indices = range(start, start + _AT_ONCE)
            drawn = showing.draw(self.learner.averaged, self.learner.generator, self.settings, indices)
            rows.append(torch.stack(degeneration.statistics(drawn.alpha)))
        means = torch.stack(rows).mean(0).tolist()
        return dict(zip(degeneration.MaskStatistics._fields, means))


def rate_factor(iteration: int, settings: TrainAlphaSettings) -> float:
    """What both learning rates are multiplied with: 1, then half a cosine to 0 over the last share of the run."""
    falling = settings.anneal * settings.iterations
    left = settings.iterations - iteration
    return 1.0 if left >= falling else 0.5 - 0.5 * math.cos(math.pi * left / falling)


def _result(final: Path, made: int) -> AlphaResult:
    return AlphaResult(final, native.read_card(final).get("quality", {}).get("warning"), made)
