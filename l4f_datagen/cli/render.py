"""``l4f-datagen render``."""

import click

from ..console.options import allow_mixed, settings_options
from ..console.output import print_json, result
from ..errors import UserError
from ..making.extending import stored_settings
from ..settings import EngineSettings, RenderSettings, resolve


@click.command("render", short_help="Render a world with exact masks as WebDataset shards.")
@click.argument("world", required=False)
@settings_options(RenderSettings, without=("world",))
@click.option("--out", required=True, metavar="FOLDER", help="data set folder; one that was begun is continued")
@settings_options(EngineSettings, only=("shard_range",))
@allow_mixed
@click.option("--overwrite", is_flag=True, help="replace a data set that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(
    world: str | None,
    out: str,
    shard_range: str | None,
    allow_mixed: bool,
    overwrite: bool,
    dry_run: bool,
    **flags: object,
) -> None:
    """Render WORLD, "vessels" or "garden", with exact masks as WebDataset shards.

    A procedural image class in the same kind of folder as generate writes: to train on, to measure
    masks against, to try everything on. Vessels stand alone before a wall; gardens are hard:
    several things in scenes with light and shadow. --backgrounds-only writes the same scenes
    without things. Train and test split share no picture. A data set
    that is there is extended or continued with its own settings: WORLD need not be named again.
    """
    stored = {} if overwrite else stored_settings(RenderSettings, out)
    if world is None and "world" not in stored:
        raise UserError("world", got="none", expected="a world, vessels or garden", remedy="name it after render")
    settings = resolve(RenderSettings, stored, {"world": world, **flags})
    shards = resolve(EngineSettings, {}, {"shard_range": shard_range}).shards(settings.shards)
    # Imported here, so that a wrong flag is told at once.
    from ..making.render import describe, render
    from ..progress.samples import ProgressReporter, closing_line, closing_values

    if dry_run:
        print_json(describe(settings)["settings"] | {"out": out})
        return
    with ProgressReporter() as reporter:
        common = {"overwrite": overwrite, "shards": shards, "allow_mixed": allow_mixed}
        progress = render(settings, out, report=reporter, **common)
    result(closing_line(out, progress, reporter.seconds, shards), closing_values(out, progress, reporter.seconds))
