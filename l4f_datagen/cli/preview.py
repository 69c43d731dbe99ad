"""``l4f-datagen preview``."""

from itertools import islice

import click

from ..console.output import check_file, result
from ..shards.reader import open_dataset
from ..sheet import contact_sheet, png_name, save_png


@click.command("preview", short_help="Draw a contact sheet of a data set.")
@click.argument("folder")
@click.option("--out", required=True, metavar="FILE.png", help="where to write the sheet")
@click.option("--n", default=16, show_default=True, type=click.IntRange(1, 1024), help="number of samples")
@click.option("--columns", default=8, show_default=True, type=click.IntRange(1, 64), help="samples side by side")
@click.option("--tile", default=128, show_default=True, type=click.IntRange(16, 1024), help="pixels of a picture")
def command(folder: str, out: str, n: int, columns: int, tile: int) -> None:
    """Draw a contact sheet of a data set: composite, alpha, mask, and the mask's outline.

    Takes the first samples of the shards that are finished.
    """
    path = png_name(out, "out")
    dataset = open_dataset(folder, allow_incomplete=True)
    check_file(path, "out")
    save_png(path, contact_sheet(islice(dataset, n), columns=min(columns, n), tile=tile))
    drawn = min(n, len(dataset))
    result(f"{path}: {drawn} of {len(dataset)} samples", {"out": str(path), "drawn": drawn, "samples": len(dataset)})
