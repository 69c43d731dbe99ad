"""The stage ``train-generator``: a StyleGAN2 from images."""

from pathlib import Path
from typing import ClassVar

import click

from ...console.options import config_option, settings_options, tracking_options
from ...console.output import print_json, result
from ...progress.tracker import NOWHERE, Tracking
from ...settings import TrainGeneratorSettings, resolve, section_of, with_preset
from ..pieces import Piece
from ..stage import TrainingStage


@click.command("train-generator", short_help="Train a StyleGAN2 on images, without any label.")
@click.option("--out", required=True, metavar="FOLDER", help="run folder; one that was begun is continued")
@config_option
@settings_options(TrainGeneratorSettings)
@tracking_options
@click.option("--overwrite", is_flag=True, help="replace a run that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings, the preset's among them, and stop")
def command(out: str, config: str | None, tracking: Tracking, overwrite: bool, dry_run: bool, **flags: object) -> None:
    """Train a StyleGAN2 on images, without any label.

    What is not given is as the preset says for the resolution and the number of images (--dry-run
    shows it). FOLDER/final is what the other commands take as --generator. Interrupt it when you
    like: the same command continues, and a larger --kimg goes on from a finished run. Start it with
    ``accelerate launch`` or ``torchrun`` for several processes.

    \b
    While it trains it shows means over the last steps:
      D, G     losses of the discriminator and of the generator
      sign     mean sign of the discriminator's scores of real images, from -1
               to 1; near 1 it has learned them by heart
      p        probability of augmentation, which follows from that
      Fréchet  distance of generated images from real ones; less is better
    """
    settings = resolve(TrainGeneratorSettings, section_of(config, TrainGeneratorSettings), flags)
    if dry_run:
        # Imported here: torch takes seconds, and a wrong flag is told at once.
        from ...training.generator.train import prepare

        resolved, _, _ = prepare(settings)
        print_json(resolved.model_dump(mode="json") | {"out": out})
        return
    train(settings, out, tracking=tracking, overwrite=overwrite)


def train(settings: TrainGeneratorSettings, out: str, *, tracking: Tracking = NOWHERE, overwrite: bool = False) -> int:
    """Train with progress and a closing line. Returns the iterations of this call."""
    from ...progress.training import TrainingReporter, tell_generator
    from ...training.generator.train import train_generator

    with TrainingReporter(tell_generator, out, tracking) as reporter:
        done = train_generator(settings, out, overwrite=overwrite, report=reporter)
        seconds = reporter.seconds
    if reporter.is_first:
        seen = f"{done.images / 1000:.1f} kimg in {done.iterations} iterations"
        text = f"{done.final}: {seen}, {done.made} now in {seconds:.1f} s (ended by {done.reason})"
        values = {"final": str(done.final), "images": done.images, "iterations": done.iterations, "made": done.made}
        result(text, values | {"seconds": round(seconds, 3), "ended_by": done.reason})
    return done.made


class TrainGenerator(TrainingStage[TrainGeneratorSettings]):
    """A generator of the experiment's own, which the stages after it use."""

    settings = TrainGeneratorSettings
    place = "generator"
    instead = "generator"
    quick: ClassVar = {"kimg": 1}

    def train(self, settings: TrainGeneratorSettings, out: str, tracking: Tracking) -> int:
        return train(settings, out, tracking=tracking)

    def images(self, piece: Piece[TrainGeneratorSettings]) -> int | None:
        s = piece.settings
        if (resolution := self.resolution(piece)) is None:
            return None if s.kimg is None else 1000 * s.kimg
        return 1000 * (s.kimg or with_preset(s, resolution=resolution, images=0).kimg)

    def resolution(self, piece: Piece[TrainGeneratorSettings]) -> int | None:
        from ..results import resolution_of  # imported here: --help need not wait for torch

        begun = piece.settings.from_
        return piece.settings.resolution if begun is None else resolution_of(begun)

    def iterations(self, settings: TrainGeneratorSettings, final: Path) -> int:
        from ...weights.native.cards import training_of

        # It ends by images seen, time or plateau: only its card knows when.
        return training_of(final, "generator", "iterations")["iterations"]
