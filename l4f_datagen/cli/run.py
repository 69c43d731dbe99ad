"""``l4f-datagen run``: the stages of a pipeline file, one after the other."""

import json
from pathlib import Path

import click

from ..settings import (
    EngineSettings,
    GenerateSettings,
    TrainAlphaSettings,
    TrainSegmenterSettings,
    load_pipeline,
    resolve,
)
from .options import setting

ALPHA, SHARDS, SEGMENTER = "alpha", "shards", "segmenter"
"""Folders of the stages inside --out."""


@click.command("run", short_help="Run the stages of a pipeline file.")
@click.argument("pipeline", metavar="PATH|NAME")
@click.option("--out", required=True, metavar="FOLDER", help="folder of the stages': alpha/, shards/, segmenter/")
@click.option("--n", metavar="INTEGER", help="number of samples to generate; a larger one extends")
@setting(EngineSettings, "engine")
@setting(EngineSettings, "devices", metavar="N,N|cpu,cpu")
@setting(EngineSettings, "ray_address", metavar="HOST:PORT|auto")
@setting(EngineSettings, "workers")
@setting(EngineSettings, "devices_per_worker")
@click.option("--dry-run", is_flag=True, help="print the resolved settings of all stages and stop")
def command(pipeline: str, out: str, n: str | None, dry_run: bool, **flags: object) -> None:
    """Run the stages that a pipeline file lists: train-alpha into FOLDER/alpha, generate into FOLDER/shards,
    train-segmenter into FOLDER/segmenter.

    What is finished with the same settings is skipped, what was interrupted continues. Where a file lists
    several stages, each takes what the one before it made: the alpha network, the shards. Who generates is never in
    a file: --engine and what follows it are those of generate.
    """
    engine = resolve(EngineSettings, {}, flags)
    content, folder = load_pipeline(pipeline), Path(out).expanduser()
    listed = content.model_fields_set
    training = resolve(TrainAlphaSettings, content.train_alpha, {}) if "train_alpha" in listed else None
    generating = None
    if "generate" in listed:
        trained = {"generator": training.generator, "alpha": str(folder / ALPHA / "final")} if training else {}
        generating = resolve(GenerateSettings, content.generate, {"n": n, **trained})
    segmenting = None
    if "train_segmenter" in listed:
        made = {"shards": (str(folder / SHARDS),)} if generating and "shards" not in content.train_segmenter else {}
        segmenting = resolve(TrainSegmenterSettings, content.train_segmenter, made)
    if dry_run:
        stages = {"train-alpha": training, "generate": generating, "train-segmenter": segmenting}
        shown = {name: settings.model_dump(mode="json") for name, settings in stages.items() if settings}
        click.echo(json.dumps(shown, indent=2))
        return
    if training:
        from .train_alpha import train

        train(training, str(folder / ALPHA))
    if generating:
        from .generate import make

        make(generating, str(folder / SHARDS), engine)
    if segmenting:
        from .train_segmenter import train as train_segmenter

        train_segmenter(segmenting, str(folder / SEGMENTER))
