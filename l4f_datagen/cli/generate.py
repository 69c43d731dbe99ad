"""``l4f-datagen generate``."""

import json

import click

from ..settings import GenerateSettings, load_pipeline, resolve
from .options import setting


@click.command("generate", short_help="Generate images with masks as WebDataset shards.")
@setting(GenerateSettings, "n")
@click.option("--out", required=True, metavar="FOLDER", help="data set folder; one that was begun is continued")
@setting(GenerateSettings, "generator", metavar="PATH|NAME")
@setting(GenerateSettings, "alpha", metavar="PATH|NAME")
@click.option("--config", metavar="PATH|NAME", help="pipeline file; flags override it")
@setting(GenerateSettings, "seed")
@setting(GenerateSettings, "psi")
@setting(GenerateSettings, "background_psi")
@setting(GenerateSettings, "threshold")
@setting(GenerateSettings, "blend")
@setting(GenerateSettings, "switched_off")
@setting(GenerateSettings, "noise")
@setting(GenerateSettings, "backgrounds", metavar="generator|PATH")
@setting(GenerateSettings, "min_area")
@setting(GenerateSettings, "max_area")
@setting(GenerateSettings, "max_components")
@setting(GenerateSettings, "reject_border")
@setting(GenerateSettings, "min_decisiveness")
@setting(GenerateSettings, "min_stability")
@setting(GenerateSettings, "largest_component")
@setting(GenerateSettings, "fill_holes")
@setting(GenerateSettings, "ignore_band", metavar="LOW,HIGH")
@setting(GenerateSettings, "batch_size")
@setting(GenerateSettings, "samples_per_shard")
@setting(GenerateSettings, "image_format")
@setting(GenerateSettings, "quality")
@setting(GenerateSettings, "save", metavar="foreground,background,w")
@setting(GenerateSettings, "device")
@click.option("--overwrite", is_flag=True, help="replace a data set that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(out: str, config: str | None, overwrite: bool, dry_run: bool, **flags: object) -> None:
    """Generate images with masks as WebDataset shards.

    Composites of a StyleGAN2's foregrounds on independent backgrounds, with soft and thresholded
    masks and metadata. Interrupt it when you like: the same command continues.
    """
    section = load_pipeline(config).generate if config else {}
    settings = resolve(GenerateSettings, section, flags)
    make(settings, out, overwrite=overwrite, dry_run=dry_run)


def make(settings: GenerateSettings, out: str, *, overwrite: bool = False, dry_run: bool = False) -> None:
    """Generate with progress and a closing line."""
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ..engines.local import describe, generate, prepare_process
    from ..generation.stream import load_models
    from .progress import ProgressReporter

    prepare_process()
    models = load_models(settings)
    if dry_run:
        click.echo(json.dumps(describe(settings, models)["settings"] | {"out": out}, indent=2))
        return
    with ProgressReporter() as reporter:
        progress = generate(settings, out, overwrite=overwrite, report=reporter, models=models)
        seconds = reporter.seconds
    rate = f", {progress.made / seconds:.1f}/s" if progress.made else ""
    click.echo(
        f"{out}: {progress.samples} samples in {progress.shards} shards; made {progress.made} in {seconds:.1f} s{rate}"
    )
