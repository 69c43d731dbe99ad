"""``l4f-datagen preview``."""

import click

from ..console.output import check_file, result
from ..errors import UserError
from ..settings.needing import idle
from ..shards import choosing
from ..shards.format.rows import SHARES
from ..shards.reader import open_dataset
from ..sheet import contact_sheet, png_name, save_png


@click.command("preview", short_help="Draw a contact sheet of a data set.")
@click.argument("folder")
@click.option("--out", required=True, metavar="FILE.png", help="where to write the sheet")
@click.option("--n", default=16, show_default=True, type=click.IntRange(1, 1024), help="number of samples")
@click.option("--columns", default=8, show_default=True, type=click.IntRange(1, 64), help="samples side by side")
@click.option("--tile", default=128, show_default=True, type=click.IntRange(16, 1024), help="pixels of a picture")
@click.option("--worst", metavar="SCORE", help="the worst by a score, decisiveness say, in place of the first ones")
@click.option("--random", "by_chance", is_flag=True, help="samples by chance in place of the first ones")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="which ones --random takes")
def command(
    folder: str, out: str, n: int, columns: int, tile: int, worst: str | None, by_chance: bool, seed: int
) -> None:
    """Draw a contact sheet of a data set: composite, alpha, mask, and the mask's outline, with keys and scores.

    Takes the first samples of the shards that are finished. --worst takes the lowest ones of a score, worst first;
    of components, touches_border and candidate the highest.
    """
    if worst is not None and by_chance:
        raise UserError("random", got="--worst too", expected="one of them", remedy="leave one out")
    if seed and not by_chance:
        raise idle("--seed", seed, "--random")
    path = png_name(out, "out")
    dataset = open_dataset(folder, allow_incomplete=True)
    check_file(path, "out")
    if worst is not None:
        places, which = choosing.worst(dataset, n, worst), f", the worst by {worst}"
    elif by_chance:
        places, which = choosing.by_chance(dataset, n, seed), f" by chance (--seed {seed})"
    else:
        places, which = choosing.first(dataset, n), ""
    told = ("key", *SHARES, *([worst] if worst is not None and worst not in SHARES else []))
    save_png(path, contact_sheet(choosing.read(dataset, places), columns=min(columns, n), tile=tile, told=told))
    values = {"out": str(path), "drawn": len(places), "samples": len(dataset), "keys": choosing.keys(dataset, places)}
    result(f"{path}: {len(places)} of {len(dataset)} samples{which}", values)
