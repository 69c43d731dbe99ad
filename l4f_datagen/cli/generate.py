"""``l4f-datagen generate``."""

import click

from ..settings import EngineSettings, GenerateSettings, load_pipeline, resolve
from ..settings.recommended import as_given
from .extending import stored_settings
from .options import allow_mixed, config_option, no_recommended, settings_options
from .output import note, print_json, result


@click.command("generate", short_help="Generate images with masks as WebDataset shards.")
@settings_options(GenerateSettings)
@click.option("--out", required=True, metavar="FOLDER", help="data set folder; one that was begun is continued")
@config_option
@settings_options(EngineSettings)
@no_recommended
@allow_mixed
@click.option("--overwrite", is_flag=True, help="replace a data set that was made with other settings")
@click.option("--dry-run", is_flag=True, help="print the resolved settings and stop")
def command(
    out: str,
    config: str | None,
    no_recommended: bool,
    allow_mixed: bool,
    overwrite: bool,
    dry_run: bool,
    **flags: object,
) -> None:
    """Generate images with masks as WebDataset shards.

    Composites of a StyleGAN2's foregrounds on independent backgrounds, with soft and thresholded
    masks and metadata. What neither a flag nor the pipeline file says is as the checkpoint's card
    recommends, else as the defaults below say. Interrupt it when you like: the same command continues.
    A data set that is there is extended or continued with its own settings: ``--n 20000 --out FOLDER`` is enough.
    With --engine ray, FOLDER has to be one that all nodes reach under the same path, and so do checkpoints
    that are no names.
    """
    engine = resolve(EngineSettings, {}, {name: flags.pop(name) for name in EngineSettings.model_fields})
    section = load_pipeline(config).generate if config else {}
    if not overwrite:
        section = {**stored_settings(GenerateSettings, out), **section}
    settings = resolve(GenerateSettings, section, flags)
    if no_recommended:
        settings = as_given(settings)
    make(settings, out, engine, allow_mixed=allow_mixed, overwrite=overwrite, dry_run=dry_run)


def make(
    settings: GenerateSettings,
    out: str,
    engine: EngineSettings,
    *,
    allow_mixed: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
) -> int:
    """Generate with progress and a closing line. Returns how many samples were made now."""
    shards = engine.shards(settings.shards)
    # Imported here: torch takes seconds, and a wrong flag is told at once.
    from ..devices import resolve_device
    from ..engines import local
    from ..engines.description import describe
    from ..generation.models import load_models
    from ..generation.recommended import with_recommended
    from ..process.tuning import tune_for_shards
    from ..progress.samples import ProgressReporter, closing_line, closing_values

    notes: list[str] = []
    settings = with_recommended(settings, tell=notes.append)
    tune_for_shards()
    devices = (engine.devices or local.visible_devices(settings)) if engine.engine == "local" else ()
    for device in devices:
        resolve_device(device)
    one = len(devices) == 1
    if one:
        settings = settings.model_copy(update={"device": devices[0]})
    models = load_models(settings) if one or dry_run else None
    for line in notes:  # after all that can be wrong: a mistake is one line
        note(line)
    if dry_run:
        assert models is not None, "a dry run loads the networks"
        print_json(describe(settings, models)["settings"] | {"out": out})
        return 0
    with ProgressReporter() as reporter:
        common = {"overwrite": overwrite, "report": reporter, "shards": shards, "allow_mixed": allow_mixed}
        if engine.engine == "ray":
            from ..engines import ray

            progress = ray.generate(settings, out, engine, **common)
        else:
            progress = local.generate(settings, out, devices=devices, models=models, **common)
    result(closing_line(out, progress, reporter.seconds, shards), closing_values(out, progress, reporter.seconds))
    return progress.made
