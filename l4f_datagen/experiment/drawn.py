"""The sheets of differences beside a kept result: ``alpha.json`` has ``alpha-0.png``, one for each row shown."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.differences import sheets
from ..sheet import save_png

_TILE = 96


def path(result: Path, number: int) -> Path:
    """The sheet of a row of a result."""
    return result.with_name(f"{result.stem}-{number}.png")


def files(result: Path) -> list[Path]:
    """The sheets that a result has, in the order of its rows."""
    found = [file for file in result.parent.glob(f"{result.stem}-*.png") if file.stem[len(result.stem) + 1 :].isdigit()]
    return sorted(found, key=lambda file: int(file.stem.rpartition("-")[2]))


def draw(result: Path, rows: Sequence[Mapping[str, Any]], opened: Callable[[], sheets.Look | None]) -> None:
    """Draw the sheets that are not there.

    Args:
        result: the file of the result.
        rows: its rows.
        opened: what shows its samples; it is opened only where a sheet is to be drawn.
    """
    lacking = [number for number in sheets.shown(rows) if not path(result, number).is_file()]
    look = opened() if lacking else None
    if look is None:
        return
    for number in lacking:
        save_png(path(result, number), sheets.framed([sheets.block(number, rows[number], look, tile=_TILE)]))
