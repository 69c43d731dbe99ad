"""The stage ``train-encoder``: an encoder for the generator, from which projections begin."""

from collections.abc import Iterable
from typing import ClassVar

import click

from ...console.options import config_option, settings_options, tracking_options
from ...console.output import print_json, result
from ...progress.tracker import NOWHERE, Tracking
from ...settings import TrainEncoderSettings, TrainGeneratorSettings, resolve, section_of
from ..pieces import Draft, Piece
from ..stage import TrainingStage


@click.command("train-encoder", short_help="Train an encoder: images to codes of a generator.")
@settings_options(TrainEncoderSettings)
@click.option("--out", required=True, metavar="FOLDER", help="run folder; one that was begun is continued")
@config_option
@tracking_options
@click.option("--overwrite", is_flag=True, help="replace a run that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(out: str, config: str | None, tracking: Tracking, overwrite: bool, dry_run: bool, **flags: object) -> None:
    """Train an encoder that answers images with codes of one generator, from which it draws them again.

    It learns from samples of the generator, whose codes are known, and with --images from photographs, which it
    has to draw again. Nothing is downloaded, and any generator will do. FOLDER is what ``project --how encoder
    --encoder`` takes. Interrupt it when you like: the same command continues.

    \b
    While it trains it shows means over the last steps:
      code         differences of codes of samples; less is better
      image        differences of samples and what is drawn from its answers
      photo        the same of photographs
      error, photo_error
                   of the averaged encoder, in grey levels of 0 to 255
    """
    settings = resolve(TrainEncoderSettings, section_of(config, TrainEncoderSettings), flags)
    if dry_run:
        print_json(settings.model_dump(mode="json") | {"out": out})
        return
    train(settings, out, tracking=tracking, overwrite=overwrite)


def train(settings: TrainEncoderSettings, out: str, *, tracking: Tracking = NOWHERE, overwrite: bool = False) -> int:
    """Train with progress and a closing line. Returns the iterations of this call."""
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ...progress.training import TrainingReporter, tell_encoder
    from ...training.encoder.train import train_encoder

    with TrainingReporter(tell_encoder, out, tracking) as reporter:
        trained = train_encoder(settings, out, overwrite=overwrite, report=reporter)
    if reporter.is_first:
        quality = f"; error {trained.quality['error']:.1f} of 255" if "error" in trained.quality else ""
        text, values = reporter.closing(trained.final, settings.iterations, trained.made)
        result(text + quality, {**values, "quality": trained.quality})
    return trained.made


class TrainEncoder(TrainingStage[TrainEncoderSettings]):
    """Of the generator of the experiment, if it trains one, and of its images."""

    settings = TrainEncoderSettings
    place = "encoder"
    after = ("train-generator", "train-alpha")
    quick: ClassVar = {"iterations": 60, "world_images": 1000}

    def plan(self, draft: Draft) -> Iterable[Piece[TrainEncoderSettings]]:
        section = draft.section(self.name)
        if section is None:
            return
        founding = draft.last("train-generator", TrainGeneratorSettings)
        images = {"images": founding.settings.images} if founding else {}
        section = {**images, **section, **draft.networks(section, "generator")}
        yield self.piece(draft.resolved(self.settings, section, self.name, self.quick))

    def images(self, piece: Piece[TrainEncoderSettings]) -> int:
        return piece.settings.iterations * piece.settings.batch_size

    def train(self, settings: TrainEncoderSettings, out: str, tracking: Tracking) -> int:
        return train(settings, out, tracking=tracking)
