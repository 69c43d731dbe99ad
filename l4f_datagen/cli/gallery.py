"""``l4f-datagen gallery``."""

import click

from ..console.output import result
from ..settings.reject_list import RejectList, read_list


@click.command("gallery", short_help="Write pages on which samples are sorted and rejected.")
@click.argument("shards")
@click.option("--out", required=True, metavar="FOLDER", help="new or empty folder, or a gallery that is replaced")
@click.option(
    "--n", type=click.IntRange(1), metavar="INTEGER", help="number of samples, the first ones  [default: all]"
)
@click.option("--side", default=192, show_default=True, type=click.IntRange(16, 1024), help="most pixels of a picture")
@click.option("--without", metavar="FILE", help="leave out the samples that this file lists, as gallery saves it")
def command(shards: str, out: str, n: int | None, side: int, without: str | None) -> None:
    """Write the data set folder SHARDS as pages for a browser: samples are sorted and filtered by their scores there,
    and those that are ticked are saved as a list.

    Open FOLDER/index.html; it needs neither a server nor a network, and all keys are told on it. The list is what
    generate --reject-list and --without of export, stats, train-segmenter and gallery take. Takes the shards that are
    finished.
    """
    # Imported here, so that a wrong flag is told at once.
    from ..gallery.run import make_gallery
    from ..progress.samples import ProgressReporter

    left_out = RejectList(read_list(without, "without") if without else ())
    with ProgressReporter() as reporter:
        made = make_gallery(shards, out, side=side, n=n, without=left_out, report=reporter)
        seconds = reporter.seconds
    text = f"{made.page}: {made.samples} samples in {seconds:.1f} s; open it in a browser"
    values = {"out": out, "page": str(made.page), "samples": made.samples, "scores": list(made.scores)}
    result(text, values | {"seconds": round(seconds, 3)})
