"""``l4f-datagen import``."""

import click

from ..console.options import allow_mixed, settings_options
from ..console.output import note, print_json, result
from ..errors import UserError
from ..making.extending import explaining_keys, stored_settings
from ..settings import ImportSettings, resolve


@click.command("import", short_help="Write labelled images of your own as WebDataset shards.")
@click.argument("source", required=False)
@click.option("--out", required=True, metavar="FOLDER", help="data set folder; one that was begun is continued")
@settings_options(ImportSettings, without=("source",))
@allow_mixed
@click.option("--sent", metavar="PLACE", help="count corrections against this data set, which was handed to annotators")
@click.option("--overwrite", is_flag=True, help="replace a data set that was made with other settings")
@click.option("--dry-run", is_flag=True, help="look at all labels, print the resolved settings and stop")
def command(
    source: str | None, out: str, sent: str | None, allow_mixed: bool, overwrite: bool, dry_run: bool, **flags: object
) -> None:
    """Write labelled images as generate would.

    SOURCE is a folder that holds images/ and masks/ (or others, named by --images and --masks) or images beside their
    masks, a file of COCO, Label Studio or CVAT, tars, Parquet files, or a data set folder.
    Real data sets can then be read, checked, exported and trained on like generated ones. A data set that is there
    is extended or continued with its own settings: SOURCE need not be named again.
    """
    stored = {} if overwrite else stored_settings(ImportSettings, out)
    if source is None and "source" not in stored:
        raise UserError("source", got="none", expected="labelled images", remedy="name their place after import")
    settings = resolve(ImportSettings, stored, {"source": source, **flags})
    given = {name for name, value in {"source": source, **flags}.items() if value is not None}
    # Imported here, so that a wrong flag is told at once.
    from ..making.corrections import corrections
    from ..making.importing import describe, import_dataset, open_source
    from ..progress.samples import ProgressReporter, closing_values
    from ..samples.opening import open_samples
    from ..samples.reading import Reading

    with explaining_keys(stored, given):
        labelled = open_source(settings)
    for line in (f"foreground is {labelled.foreground}", *labelled.notes):
        note(f"note: {line}")
    counted = corrections(open_samples(sent, Reading()), labelled) if sent is not None else None
    if dry_run:
        settings = settings.model_copy(update={"n": settings.n or len(labelled)})
        for line in counted.lines() if counted else ():
            note(f"note: {line}")
        print_json(describe(settings, labelled)["settings"] | {"out": out})
        return
    with ProgressReporter() as reporter:
        common = {"overwrite": overwrite, "allow_mixed": allow_mixed, "source": labelled}
        progress = import_dataset(settings, out, report=reporter, **common)
        seconds = reporter.seconds
    text = f"{out}: {progress.samples} samples in {progress.shards} shards; made {progress.made} in {seconds:.1f} s"
    values = closing_values(out, progress, seconds)
    if counted:
        text = "\n".join([text, *counted.lines()])
        values |= {"corrections": counted.values()}
    result(text, values)
