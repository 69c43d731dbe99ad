"""Training the alpha network: a frozen generator, a weak discriminator, no mask (Labels4Free, 3.3)."""

import contextlib
from collections.abc import Callable
from collections.abc import Generator as Made
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ... import weights
from ...analysis import layers
from ...analysis.channels import find_channels
from ...errors import UserError
from ...generation.backgrounds import OWN
from ...networks.stylegan2 import Generator
from ...networks.synthesis import SwitchedOff
from ...networks.zeroed import ZeroedChannels
from ...photographs.opening import open_scenes, open_source
from ...photographs.source import Source as Photographs
from ...settings import CompleteAlphaSettings, TrainAlphaSettings, chosen_values, fingerprint, with_alpha_preset
from ...settings.switching import AUTO, share_of_channels
from ...weights import native
from ...weights.native.cards import training_of
from ...weights.source import Source
from ...weights.switching import switched_off as kept_channels
from ..core import degeneration
from ..core.adversarial import real_batches
from ..core.learner import check_batch
from ..core.log import Judge
from ..core.loop import Count, Report, Training, carry_out, describe
from ..core.process_group import Processes
from ..core.real_images import RealImages
from ..core.run import RunFolder
from . import showing
from .card import STAGE, Ending
from .heads import HeadsLearner
from .learner import TERMS, AlphaLearner, rate_factor
from .phases import PhasedTraining

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
    iterations: int
    """Iterations of the whole run."""


def train_alpha(
    settings: TrainAlphaSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Report = lambda progress: None,
    tell: Callable[[str], None] = lambda line: None,
    count: Count = lambda progress: None,
) -> AlphaResult:
    """Train an alpha network into the run folder ``out``, or continue the run that is there.

    Calls ``report`` with every line of the log, ``tell`` with what the preset chose, and ``count`` with how many
    samples the preset auto has drawn or cut. ``final/`` is a native checkpoint with the averaged network.

    Raises:
        UserError: generator, images, settings or folder are not usable; nothing was written.
        WorkError: a loss was not finite; the checkpoints before it stay.
    """
    processes = Processes(device=settings.device, precision=settings.precision)
    photographs = open_source(settings.images, world_images=settings.world_images)  # before the generator is analysed
    elsewhere = None
    if settings.backgrounds != OWN:
        elsewhere = open_scenes(settings.backgrounds, world_images=settings.world_images)
    prepared = prepare(settings)
    complete, chosen, generator, source = prepared
    images = real_images(photographs, complete, generator)
    scenes = None if elsewhere is None else real_images(elsewhere, complete, generator, stream="backgrounds")
    check(complete, generator, len(images.source), processes.count)
    switched_off = switched_off_by(complete, generator)
    ending = Ending(complete, source, len(images.source), switched_off)
    facts: dict[str, Any] = {"generator": source.sha256, "number of images": len(images.source)}
    if elsewhere is not None:
        facts["backgrounds"] = elsewhere.digest()
    auto = complete.preset == "auto"
    if isinstance(switched_off, ZeroedChannels):  # another kind of processor may find others
        facts["channels that are zeroed"] = fingerprint({"channels": switched_off.channels})
    if auto:  # what is tried after a bad start depends on it
        facts["chosen"] = sorted(chosen)

    def begin(folder: RunFolder) -> Training[Any]:
        if chosen:
            tell(prepared.line())
        if auto:
            learner = HeadsLearner(complete, generator, processes, switched_off, scenes=scenes, count=count)
            return PhasedTraining(complete, frozenset(chosen), folder, learner, images, ending, count=count)
        return AlphaTraining(
            complete, folder, AlphaLearner(complete, generator, processes, switched_off), images, ending, scenes
        )

    return carry_out(
        out, processes, describe(STAGE, complete, complete.FREE, facts, chosen), overwrite=overwrite, report=report,
        begin=begin, result=_result,
    )  # fmt: skip


class Prepared(NamedTuple):
    """Settings without gaps, and the generator that they were completed for."""

    settings: CompleteAlphaSettings
    chosen: dict[str, Any]
    """The settings that the preset chose, by name."""
    generator: Generator
    source: Source

    def line(self) -> str:
        """What was chosen, in one line."""
        values = ", ".join(f"{name} {_shown(value)}" for name, value in self.chosen.items())
        return f"preset {self.settings.preset} for {self.source.name}: {values}"


def prepare(settings: TrainAlphaSettings) -> Prepared:
    """Complete settings for their generator, as the preset says.

    Raises:
        UserError: the generator cannot be read or analysed, or the settings do not go together.
    """
    generator, source = weights.read_generator(settings.generator)

    def analysed() -> int:
        return layers.first_resolution(generator, psi=settings.psi, seed=settings.seed)

    complete = with_alpha_preset(settings, channels=generator.architecture.channels, analysed=analysed)
    chosen = chosen_values(settings, complete)
    return Prepared(complete, chosen, generator, source)


def switched_off_by(settings: CompleteAlphaSettings, generator: Generator) -> SwitchedOff:
    """What is zeroed for backgrounds: a layer, the channels that are found in the generator, or an alpha network's.

    Raises:
        UserError: there are no such crops; the alpha network is not of this generator, or keeps no channels.
    """
    if settings.switched_off == AUTO:
        if settings.channels_of is None:
            raise UserError(
                "switched_off", got=f"{AUTO} without channels_of", expected="an alpha network that keeps them",
                remedy="name one with --channels-of; analyze backgrounds --images makes it",
            )  # fmt: skip
        _, (alpha, source) = weights.read_pair(settings.generator, settings.channels_of)
        return kept_channels(settings.switched_off, alpha.zeroed_channels, source.name)
    share = share_of_channels(settings.switched_off)
    if share is None:
        return "constant" if settings.switched_off == "constant" else "first_convolution"
    return find_channels(generator, share, crops=settings.crops, psi=settings.psi, seed=settings.seed)


def check(settings: CompleteAlphaSettings, generator: Generator, images: int, processes: int) -> None:
    """Refuse settings that do not go with the generator, the images or the processes.

    Raises:
        UserError: as it says.
    """
    coarsest = 2 << len(generator.architecture.channels) - 1
    if settings.first_resolution > coarsest:
        raise UserError(
            "first_resolution", got=settings.first_resolution,
            expected=f"at most {coarsest}, two levels of a generator of {generator.architecture.pixels}",
            remedy="lower --first-resolution",
        )  # fmt: skip
    if settings.preset == "auto" and processes > 1:
        raise UserError(
            "preset", got=f"auto in {processes} processes", expected="one process, which draws and keeps the samples",
            remedy="start it without torchrun, or use --preset paper with settings of your own",
        )  # fmt: skip
    check_batch(
        batch_size=settings.batch_size, accumulate=settings.accumulate, group=settings.minibatch_group,
        images=images, processes=processes,
    )  # fmt: skip


def real_images(
    photographs: Photographs, settings: CompleteAlphaSettings, generator: Generator, *, stream: str = "images"
) -> RealImages:
    """Photographs as the discriminator sees them: at the generator's size. ``stream`` as ``RealImages`` takes it.

    Raises:
        UserError: the content has more rows than the generator.
    """
    return RealImages(
        photographs,
        size=generator.architecture.size,
        seed=settings.seed,
        mirror=settings.mirror,
        content_rows=settings.content_rows,
        stream=stream,
    )


class Batch(NamedTuple):
    """What a step learns from beside what the generator draws: images (N, 3, H, W), part by part."""

    reals: list[Tensor]
    behind: list[Tensor]
    """Backgrounds of the discriminator's composites; none where the generator draws them."""
    behind_alpha: list[Tensor]
    """Those of the alpha network's composites."""


class AlphaTraining(Training[Batch]):
    """One run of ``train-alpha``.

    Args:
        scenes: images that are backgrounds; None: the generator draws them.
    """

    terms = TERMS

    def __init__(
        self, settings: CompleteAlphaSettings, folder: RunFolder, learner: AlphaLearner, images: RealImages,
        ending: Ending, scenes: RealImages | None = None,
    ):  # fmt: skip
        super().__init__(settings, folder, learner)
        self.settings, self.learner, self.images, self.ending = settings, learner, images, ending
        self.scenes = scenes

    def batches(self, iterations: range) -> Made[Batch]:
        with contextlib.ExitStack() as stack:
            reals = stack.enter_context(contextlib.closing(real_batches(self.images, self.learner, iterations)))
            if self.scenes is None:
                for batch in reals:
                    yield Batch(batch, [], [])
                return
            # Two batches a step, one of each network.
            twice = range(2 * iterations.start, 2 * iterations.stop)
            behind = stack.enter_context(contextlib.closing(real_batches(self.scenes, self.learner, twice)))
            for batch in reals:
                first, second = next(behind), next(behind)
                yield Batch(batch, first, first if self.settings.reuse_samples else second)

    def step(self, iteration: int, batch: Batch) -> dict[str, Tensor]:
        s, learner = self.settings, self.learner

        # Both rates follow from the iteration alone.
        learner.set_rates(rate_factor(iteration, s))
        terms = learner.discriminator_step(iteration, batch.reals, batch.behind)

        # Lazy regularisation: a step of its own, as in StyleGAN2.
        if iteration % s.r1_every == 0 and s.r1 > 0:
            terms |= learner.r1_step(iteration, batch.reals)

        # The alpha network against the discriminator that was just trained.
        terms |= learner.alpha_step(iteration, batch.behind_alpha)
        learner.average_weights(iteration)
        return terms

    def judge(self, begun: int) -> Judge:
        patience = _PATIENCE * self.settings.iterations
        return lambda done, means: degeneration.verdict(means) if done >= patience else None

    def show(self, sheet: Path) -> None:
        learner = self.learner
        behind = showing.backgrounds(learner.generator, self.settings, learner.switched_off, self.scenes)
        showing.save_sheet(sheet, learner.averaged, learner.generator, self.settings, behind)

    def save(self, target: Path, done: int) -> None:
        card = {"name": f"{self.folder.path.name}, iteration {done}"}
        native.save(target, alpha=self.ending.kept(self.learner.averaged), card=card)

    def finish(self, done: int) -> None:
        self.ending.write(self.folder, self.learner.averaged, self.learner.generator)


def _shown(value: Any) -> str:
    return ",".join(f"{one:g}" for one in value) if isinstance(value, (list, tuple)) else f"{value:g}"


def iterations_of(final: Path) -> int:
    """Steps of a finished run: those that were asked for, or of all phases where the run itself decided."""
    trained = training_of(final, "alpha", "iterations")
    chosen = trained.get("chosen")
    return chosen["iterations"] if isinstance(chosen, dict) and "iterations" in chosen else trained["iterations"]


def _result(final: Path, made: int) -> AlphaResult:
    return AlphaResult(final, native.read_card(final).get("quality", {}).get("warning"), made, iterations_of(final))
