"""The stage ``train-layered``: PSeg, a layered generator that the paper compares with."""

from collections.abc import Iterable
from typing import ClassVar

import click

from ...console.options import config_option, settings_options, tracking_options
from ...console.output import print_json, result
from ...progress.tracker import NOWHERE, Tracking
from ...settings import TrainAlphaSettings, TrainGeneratorSettings, TrainLayeredSettings, resolve, section_of
from ..figures import LAYERED, Figure
from ..pieces import Draft, Piece, Plan
from ..stage import TrainingStage, last_sheet


@click.command("train-layered", short_help="Train a layered generator (PSeg), the paper's baseline.")
@click.option("--out", required=True, metavar="FOLDER", help="run folder; one that was begun is continued")
@config_option
@settings_options(TrainLayeredSettings)
@tracking_options
@click.option("--overwrite", is_flag=True, help="replace a run that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(out: str, config: str | None, tracking: Tracking, overwrite: bool, dry_run: bool, **flags: object) -> None:
    """Train a layered generator on images, without any label: the baseline PSeg (Bielski and Favaro 2019).

    One generator draws a foreground and its mask, another a background. Before a discriminator sees the composite, the
    foreground is moved by chance, so that its mask has to hold an object. FOLDER/final is what ``generate``,
    ``evaluate alpha`` and ``evaluate frechet generator:FOLDER/final`` take; they draw its composites. Interrupt it when
    you like: the same command continues.

    \b
    While it trains it shows means over the last steps:
      D, G     losses of the discriminator and of the layers
      sign     mean sign of the discriminator's scores of real images, from -1
               to 1; near 1 it has learned them by heart
      B        how undecided masks are; 0 where every pixel is 0 or 1
      C, E     how far masks are below the least, above the largest area
      area     mean of the masks
    """
    settings = resolve(TrainLayeredSettings, section_of(config, TrainLayeredSettings), flags)
    if dry_run:
        print_json(settings.model_dump(mode="json") | {"out": out})
        return
    train(settings, out, tracking=tracking, overwrite=overwrite)


def train(settings: TrainLayeredSettings, out: str, *, tracking: Tracking = NOWHERE, overwrite: bool = False) -> int:
    """Train with progress and a closing line. Returns the iterations of this call."""
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ...progress.training import TrainingReporter, tell_layered
    from ...training.layered.train import train_layered

    with TrainingReporter(tell_layered, out, tracking) as reporter:
        trained = train_layered(settings, out, overwrite=overwrite, report=reporter)
    if reporter.is_first:
        masks = f"; masks of mean area {trained.quality['area']:.2f}" if "area" in trained.quality else ""
        text, values = reporter.closing(trained.final, settings.iterations, trained.made)
        result(text + masks, {**values, "quality": trained.quality})
    return trained.made


class TrainLayered(TrainingStage[TrainLayeredSettings]):
    """On the images of the experiment's other trainings, where the pipeline file lists it as a baseline."""

    settings = TrainLayeredSettings
    place = "layered"
    after = ("train-generator", "train-alpha")
    quick: ClassVar = {"iterations": 60}
    lacking = (
        "PSeg (Tables 1, 2 and 5, Fig. 7): the pipeline file has neither `baselines: [layered]` nor a section "
        "`train-layered`; the paper's own numbers stand in the tables."
    )

    def plan(self, draft: Draft) -> Iterable[Piece[TrainLayeredSettings]]:
        section = draft.section(self.name)
        if section is None and "layered" not in draft.content.baselines:
            return
        images = {}
        for training in (
            draft.last("train-alpha", TrainAlphaSettings),
            draft.last("train-generator", TrainGeneratorSettings),
        ):
            if training is not None:
                images = {"images": training.settings.images, "mirror": training.settings.mirror}
        yield self.piece(draft.resolved(self.settings, {**images, **(section or {})}, self.name, self.quick))

    def images(self, piece: Piece[TrainLayeredSettings]) -> int:
        return piece.settings.iterations * piece.settings.batch_size

    def resolution(self, piece: Piece[TrainLayeredSettings]) -> int:
        return piece.settings.resolution

    def train(self, settings: TrainLayeredSettings, out: str, tracking: Tracking) -> int:
        return train(settings, out, tracking=tracking)

    def figures(self, plan: Plan) -> Iterable[Figure]:
        for piece in plan.of(self.name):
            if sheet := last_sheet(plan, piece):
                yield Figure(
                    name="sheet-layered", section=LAYERED, place=sheet.relative_to(plan.folder).as_posix(),
                    caption=f"Layers of fixed codes after {int(sheet.stem)} iterations of `{piece.name}`, nothing of "
                    "them moved; above them images that it learned from.",
                )  # fmt: skip
