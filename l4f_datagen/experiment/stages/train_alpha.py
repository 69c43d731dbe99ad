"""The stage ``train-alpha``: an alpha network for a generator, without any mask."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

import click

from ...console.options import config_option, settings_options, tracking_options
from ...console.output import note, print_json, result
from ...progress.tracker import NOWHERE, Tracking
from ...settings import TrainAlphaSettings, TrainGeneratorSettings, resolve, section_of
from ..figures import TRAININGS, Figure
from ..pieces import Draft, Piece, Plan
from ..stage import TrainingStage


@click.command("train-alpha", short_help="Train the alpha network of a generator, without any mask.")
@click.option("--out", required=True, metavar="FOLDER", help="run folder; one that was begun is continued")
@config_option
@settings_options(TrainAlphaSettings)
@tracking_options
@click.option("--overwrite", is_flag=True, help="replace a run that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(out: str, config: str | None, tracking: Tracking, overwrite: bool, dry_run: bool, **flags: object) -> None:
    """Train the alpha network of a generator, without any mask.

    The generator is frozen; a discriminator that cannot tell composites from real images teaches the
    alpha network (Labels4Free, 3.3). What is not given is chosen for the generator (--dry-run shows
    it): several alpha networks are tried, the best goes on until it gets no better, and colour cuts
    that it seeds teach a last one where outlines lie. With --preset paper, and in all pipeline files of
    this package, there is one network and one loop; that one can be started with ``accelerate launch``
    or ``torchrun`` for several processes. FOLDER/final is what ``generate --alpha`` takes. Interrupt it
    when you like: the same command continues.

    \b
    While it trains it shows means over the last steps:
      D, A     losses of the discriminator and of the alpha network against it
      B        how far the mask is from 0 and 1; 0 is decisive
      C, E     how much the mask is smaller than phi-1, larger than 1 - phi-2
      area     share of the image that is foreground
      cuts     how far an alpha network is from the cuts that it learns
    """
    settings = resolve(TrainAlphaSettings, section_of(config, TrainAlphaSettings), flags)
    if dry_run:
        if settings.preset == "auto":
            # Imported here: torch takes seconds, and a wrong flag is told at once.
            from ...training.alpha.train import prepare

            prepared = prepare(settings)
            settings = prepared.settings
            note(prepared.line())
        print_json(settings.model_dump(mode="json") | {"out": out})
        return
    train(settings, out, tracking=tracking, overwrite=overwrite)


def train(settings: TrainAlphaSettings, out: str, *, tracking: Tracking = NOWHERE, overwrite: bool = False) -> int:
    """Train with progress and a closing line. Returns the iterations of this call."""
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ...progress.training import TrainingReporter, tell_alpha
    from ...training.alpha.train import train_alpha

    with TrainingReporter(tell_alpha, out, tracking) as reporter:
        done = train_alpha(settings, out, overwrite=overwrite, report=reporter, tell=note, count=reporter.count)
    if reporter.is_first:
        text, values = reporter.closing(done.final, done.iterations, done.made)
        result(text, {**values, "verdict": done.verdict})
        if done.verdict:
            click.echo(f"the masks have degenerated: {done.verdict}", err=True)
    return done.made


_AUTO = 750
"""Steps that the preset auto takes, about: what it tries, the training of what it chose, and the teaching."""


class TrainAlpha(TrainingStage[TrainAlphaSettings]):
    """The alpha network: of the experiment's own generator, if it has one, from the same images."""

    settings = TrainAlphaSettings
    place = "alpha"
    after = ("train-generator",)
    instead = "alpha"
    quick: ClassVar = {"iterations": 100, "choosing_iterations": 30, "cut_samples": 60, "teaching_iterations": 30}
    lacking = "Training of the alpha network: the pipeline file has no section `train-alpha`."

    def plan(self, draft: Draft) -> Iterable[Piece[TrainAlphaSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        given = {}
        if founding := draft.last("train-generator", TrainGeneratorSettings):
            same = ("images", "world_images", "mirror", "content_rows")
            given = {name: getattr(founding.settings, name) for name in same}
        made = draft.networks(section, "generator")
        yield self.piece(draft.resolved(self.settings, {**given, **section, **made}, self.name, self.quick))

    def images(self, piece: Piece[TrainAlphaSettings]) -> int:
        return (piece.settings.iterations or _AUTO) * piece.settings.batch_size

    def resolution(self, piece: Piece[TrainAlphaSettings]) -> int | None:
        from ..results import resolution_of  # imported here: --help need not wait for torch

        return resolution_of(piece.settings.generator)

    def train(self, settings: TrainAlphaSettings, out: str, tracking: Tracking) -> int:
        return train(settings, out, tracking=tracking)

    def iterations(self, settings: TrainAlphaSettings, final: Path) -> int:
        from ...training.alpha.train import iterations_of

        return iterations_of(final)

    def figures(self, plan: Plan) -> Iterable[Figure]:
        from .. import pictures

        for piece in plan.of(self.name):
            log = pictures.read_log(plan.path(piece))
            yield Figure(
                name=f"{piece.place}-curves", section=TRAININGS, plot=True, draw=partial(pictures.alpha_curves, log),
                caption="The alpha network: its losses and the terms of its masks, over the iterations.",
            )  # fmt: skip
        yield from super().figures(plan)
