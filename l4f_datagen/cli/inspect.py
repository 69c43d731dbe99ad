"""``l4f-datagen inspect``: what a checkpoint is."""

import dataclasses
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from ..console.output import print_json

if TYPE_CHECKING:
    from ..weights.inspection import Inspection, NetworkSummary


_CLASS = "FILE#class=0"


@click.command(name="inspect", short_help="Tell what a checkpoint is.")
@click.argument("path")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--allow-nan", is_flag=True, help="Look at weights that are not finite, too.")
def command(path: str, as_json: bool, allow_nan: bool) -> None:
    """Tell what a checkpoint is: layout, architecture, size, and the pipelines that it fits.

    PATH is a file, a native folder, an embedded name or an address. Nothing in it is run.
    """
    from ..weights.inspection import inspect  # imported here: torch takes seconds, --help need not wait

    found = inspect(path, allow_nan=allow_nan)
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        _print(found)


def _print(found: "Inspection") -> None:
    console = Console()
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    rows = [
        ("file", found.path),
        ("is", found.what),
        ("layout", f"{found.layout}, {found.container}"),
        ("size", f"{found.size / 1e6:,.1f} MB"),
        *(("sha256", f"{digest}  {name}") for name, digest in found.sha256.items()),
        ("licence", found.licence),
        *(row for network in found.networks for row in _rows(network)),
        *(("holds", entry) for entry in found.holds),
        ("pipelines", ", ".join(found.pipelines) or "none of the files in pipelines/ fits"),
        *(("looked for", sign) for sign in found.looked_for),
    ]
    if found.problem:
        rows.append(("not usable", found.problem))
    if found.takes:
        rows.append(("would take", found.takes))
    for label, text in rows:
        table.add_row(label, _escaped(text))
    console.print(table, soft_wrap=True)


def _rows(network: "NetworkSummary") -> list[tuple[str, str]]:
    channels = ", ".join(map(str, network.channels))
    rows = [(network.kind, f"{network.parameters:,} parameters, channels {channels}")]
    if network.kind == "segmenter":
        foreground = ", ".join(map(str, network.foreground or ()))
        size = f", trained at {network.resolution} px" if network.resolution else ""
        rows.append(("", f"{network.segmenter}, {network.classes} classes, foreground {foreground}{size}"))
    if network.kind == "generator":
        clamp = "none" if network.conv_clamp is None else f"{network.conv_clamp:g}"
        rows.append(
            ("", f"{network.pixels}, z {network.z_dim}, w {network.w_dim}, {network.mapping_layers} mapping "
                 f"layers, conv_clamp {clamp}")
        )  # fmt: skip
        if network.classes:
            rows.append(("", f"{network.classes} classes: name one after the path, as in {_CLASS}"))
    if network.kind == "encoder":
        rows.append(("", f"{network.resolution} px, w {network.w_dim}, of the generator {network.generator}"))
    if network.not_finite:
        rows.append(("not finite", f"NaN or infinity in {network.not_finite}"))
    return [*rows, *(("note", note) for note in network.notes)]


def _escaped(text: str) -> str:
    """Text of a file's own, that it may not mean colours or control the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text).replace("[", "\\[")
