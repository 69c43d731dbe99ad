"""The sheets of differences beside a kept result: ``alpha.json`` has ``alpha-0.png``, one for each row shown."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.differences import sheets
from ..evaluation.tables import as_text
from ..sheet import save_png

_TILE = 96


def path(result: Path, number: int) -> Path:
    """The sheet of a row of a result."""
    return result.with_name(f"{result.stem}-{number}.png")


def files(result: Path) -> list[tuple[int, Path]]:
    """The sheets that a result has: the number of the row, and the file, in order."""
    start = len(result.stem) + 1
    found = [file for file in result.parent.glob(f"{result.stem}-*.png") if file.stem[start:].isdigit()]
    return sorted((int(file.stem[start:]), file) for file in found)


def caption(what: str, row: Mapping[str, Any]) -> str:
    """A sentence that says what a sheet is of, and names its samples."""
    chosen = sheets.listed(sheets.choose(row["per_image"]))
    return f"{what}: mIoU {as_text(row['miou'])} over {row['images']} images. Shown, with the mIoU of each: {chosen}."


def draw(
    result: Path,
    rows: Sequence[Mapping[str, Any]],
    is_shown: Callable[[Mapping[str, Any]], bool],
    opened: Callable[[], sheets.Look | None],
) -> None:
    """Draw the sheets that are not there.

    Args:
        result: the file of the result.
        rows: its rows.
        is_shown: whether a row has a sheet, if it is no baseline's.
        opened: what shows its samples; it is opened only where a sheet is to be drawn.
    """
    wanted = (number for number in sheets.shown(rows) if is_shown(rows[number]))
    lacking = [number for number in wanted if not path(result, number).is_file()]
    look = opened() if lacking else None
    if look is None:
        return
    for number in lacking:
        save_png(path(result, number), sheets.framed([sheets.block(number, rows[number], look, tile=_TILE)]))
