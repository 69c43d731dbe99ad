"""``l4f-datagen card``."""

import click

from ..console.output import result


@click.command("card", short_help="Write the card with which a data set or a checkpoint goes to a hub.")
@click.argument("folder")
@click.option(
    "--evaluation", "evaluations", multiple=True, metavar="FILE.json",
    help="a result of evaluate --json-file that the card shows; may be given several times",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="replace a README.md that somebody else has written")
def command(folder: str, evaluations: tuple[str, ...], overwrite: bool) -> None:
    """Write README.md into FOLDER: a data set, a native checkpoint, or a training run (into its final/).

    It tells what the folder holds and what it was made of: each network, image source and reference with its
    hash and licence, which networks had a say in the masks, and figures: those of checkpoints, and those of
    --evaluation.
    """
    from ..publishing.cards import write  # imported here: torch takes seconds, and a wrong flag is told at once

    made = write(folder, evaluations=evaluations, overwrite=overwrite)
    result(f"{made.path}: the card of a {made.kind}", {"out": made.path, "kind": made.kind})
