"""``l4f-datagen convert``: any checkpoint → native, a generator → rosinality's layout, a segmenter → ONNX."""

import dataclasses
from typing import TYPE_CHECKING

import click
from rich.console import Console

from ..console.output import print_json

if TYPE_CHECKING:
    from ..weights.conversion.convert import Conversion, Target


@click.command(name="convert", short_help="Convert a checkpoint to another layout.")
@click.argument("path")
@click.option(
    "--out",
    required=True,
    metavar="FOLDER|FILE",
    help="Folder of the native checkpoint, or file: .pt in rosinality's layout, .onnx.",
)
@click.option(
    "--to", "target", type=click.Choice(["native", "rosinality", "onnx"]), help="Layout; by default as --out is named."
)
@click.option("--licence", help="Licence of the weights, for the card; by default as the source says.")
@click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
@click.option("--allow-nan", is_flag=True, help="Take weights that are not finite.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    path: str, out: str, target: "Target | None", licence: str | None, overwrite: bool, allow_nan: bool, as_json: bool
) -> None:
    """Convert the checkpoint PATH and verify the result by running both once.

    PATH is a file, a native folder, an embedded name or an address.
    """
    from ..weights.conversion.convert import convert  # imported here: torch takes seconds, --help need not wait

    done = convert(path, out, target=target, licence=licence, overwrite=overwrite, allow_nan=allow_nan)
    if as_json:
        print_json(dataclasses.asdict(done))
    else:
        _print(done)


def _print(done: "Conversion") -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{done.source} ({done.source_format}) → {done.out} ({done.target}): {', '.join(done.networks)}")
    console.print(f"run once each: largest difference {done.largest_difference:.1e}")
    for note in done.notes:
        console.print(f"note: {note}")
