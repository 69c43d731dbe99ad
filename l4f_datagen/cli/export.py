"""``l4f-datagen export``."""

import click

from ..console.options import settings_options
from ..console.output import result
from ..settings import ExportSettings, resolve


@click.command("export", short_help="Write a data set in another program's format.")
@click.argument("shards")
@settings_options(ExportSettings)
@click.option("--out", required=True, metavar="FOLDER", help="new or empty folder; it appears when it is complete")
def command(shards: str, out: str, **flags: object) -> None:
    """Write the data set folder SHARDS in another program's format.

    Images are copied as they are. The same data set gives the same files, and a sample stays in its
    image set when the data set grows. Samples that --without leaves out leave gaps between the keys.
    """
    settings = resolve(ExportSettings, {}, flags)
    # Imported here, so that a wrong flag is told at once.
    from ..export.run import export
    from ..progress.samples import ProgressReporter

    with ProgressReporter() as reporter:
        done = export(settings, shards, out, report=reporter)
        seconds = reporter.seconds
    counts = ", ".join(f"{name} {count}" for name, count in done.counts.items())
    lines = [f"{out}: {sum(done.counts.values())} samples ({counts}) as {settings.format} in {seconds:.1f} s"]
    if settings.without is not None:
        lines[0] += f"; left out {done.left_out}, of a list of {len(settings.without)}"
    lines += [f"note: {note}" for note in done.notes]
    values = {
        "out": out,
        "format": settings.format,
        "samples": done.counts,
        "left_out": done.left_out,
        "notes": list(done.notes),
    }
    result("\n".join(lines), values | {"seconds": round(seconds, 3)})
