"""``l4f-datagen render``."""

import json

import click

from ..settings import RenderSettings, resolve
from .options import setting


@click.command("render", short_help="Render a world with exact masks as WebDataset shards.")
@click.argument("world")
@setting(RenderSettings, "n")
@click.option("--out", required=True, metavar="FOLDER", help="data set folder; one that was begun is continued")
@setting(RenderSettings, "size")
@setting(RenderSettings, "split")
@setting(RenderSettings, "seed")
@setting(RenderSettings, "threshold")
@setting(RenderSettings, "samples_per_shard")
@setting(RenderSettings, "image_format")
@setting(RenderSettings, "quality")
@click.option("--overwrite", is_flag=True, help="replace a data set that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(world: str, out: str, overwrite: bool, dry_run: bool, **flags: object) -> None:
    """Render WORLD, "vessels", with exact masks as WebDataset shards.

    A procedural image class in the same kind of folder as generate writes: to train on, to measure
    masks against, to try everything on. Train and test split share no picture.
    """
    settings = resolve(RenderSettings, {}, {"world": world, **flags})
    # Imported here, so that a wrong flag is told at once.
    from ..engines.render import describe, render
    from .progress import ProgressReporter

    if dry_run:
        click.echo(json.dumps(describe(settings)["settings"] | {"out": out}, indent=2))
        return
    with ProgressReporter() as reporter:
        progress = render(settings, out, overwrite=overwrite, report=reporter)
        seconds = reporter.seconds
    rate = f", {progress.made / seconds:.1f}/s" if progress.made else ""
    click.echo(
        f"{out}: {progress.samples} samples in {progress.shards} shards; made {progress.made} in {seconds:.1f} s{rate}"
    )
