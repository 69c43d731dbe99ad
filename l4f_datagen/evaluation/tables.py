"""Results as a table on a terminal, as JSON and as CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..addresses import hidden_within
from ..storage import atomic
from ..storage.opening import local_place

UNDEFINED = "–"
HEADINGS = {
    "iou_foreground": "IoU fg", "iou_background": "IoU bg", "miou": "mIoU", "f1": "F1", "precision": "Prec",
    "recall": "Rec", "accuracy": "Acc", "ratio": "of supervised", "fid": "FID", "kid": "KID",
}  # fmt: skip
_MIOU = "miou"
_WIDE = 160
"""Columns where there is no terminal to ask."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The measures of some of the images."""

    images: int
    values: dict[str, float | None]
    """Measures by name; None where one is undefined, an IoU without foreground say."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """The 95 % confidence interval of each value that has one, lower end first."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a result."""

    labels: dict[str, str | float | int]
    """What was measured, by column."""
    images: int
    """How many images the values are over."""
    values: dict[str, float | None]
    """None: undefined."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """95 %, of the values that have one."""
    subsets: dict[str, Part] = field(default_factory=dict)
    """The same measures over parts of the images: those whose object touches the border or not, and by its area. A part
    without images is left out."""
    per_image: tuple[Mapping[str, Any], ...] = ()
    """For each image its ``key`` and its own values."""

    def __post_init__(self):
        object.__setattr__(self, "labels", hidden_within(self.labels))


@dataclass(frozen=True, kw_only=True)
class Report:
    """A result as a whole."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What a reader of the numbers must know, one sentence each."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What it was measured with."""
    unreferenced: tuple[Row, ...] = ()
    """What the same masks tell of themselves, a table of its own."""

    def __post_init__(self):
        for name in ("title", "notes", "settings"):
            object.__setattr__(self, name, hidden_within(getattr(self, name)))


def render(report: Report, *, worst: Mapping[int, Sequence[Mapping]] | None = None) -> None:
    """Print a report.

    Args:
        worst: images to list, by row number.
    """
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDE
    console.print(_table(report.title, report.rows))
    labels, _ = _columns(report.rows)
    if subsets := _subset_names(report.rows):
        console.print(_by_subset(report.rows, labels, subsets))
    if any(row.intervals for row in report.rows):
        console.print("Below each value its 95 % interval over the images (bootstrap).")
    if report.unreferenced:
        console.print(_table("The same masks without a reference", report.unreferenced))
    for note in report.notes:
        console.print(note, soft_wrap=True)
    for number, images in (worst or {}).items():
        name = ", ".join(str(v) for v in report.rows[number].labels.values())
        listed = (f"{i['key']} (mIoU {as_text(i['miou'])}, IoU fg {as_text(i['iou_foreground'])})" for i in images)
        console.print(f"Worst of {name}: {'; '.join(listed)}", soft_wrap=True)


def _table(title: str, rows: Sequence[Row]) -> Table:
    """A line per row, labels before values."""
    labels, values = _columns(rows)
    table = Table(title=title, title_justify="left", caption_justify="left")
    for name in labels:
        table.add_column(name.replace("_", " "), overflow="fold")
    table.add_column("images", justify="right")
    for name in values:
        table.add_column(HEADINGS.get(name, name.replace("_", " ")), justify="right")
    for row in rows:
        cells = [_cell(row.values.get(name), row.intervals.get(name)) for name in values]
        table.add_row(*(str(row.labels.get(name, "")) for name in labels), str(row.images), *cells)
    return table


def as_rows(report: Report) -> list[dict[str, Any]]:
    """The rows as JSON has them: labels, images and values, then intervals, subsets and each image's values."""
    return [
        {
            **row.labels,
            "images": row.images,
            **row.values,
            "intervals": _lists(row.intervals),
            "subsets": {
                name: {"images": part.images, **part.values, "intervals": _lists(part.intervals)}
                for name, part in row.subsets.items()
            },
            "per_image": list(row.per_image),
        }
        for row in report.rows
    ]


def to_json(report: Report) -> str:
    """The report with all digits, each image's values and the settings; undefined values are null."""
    content: dict[str, Any] = {
        "title": report.title,
        "settings": dict(report.settings),
        "notes": list(report.notes),
        "rows": as_rows(report),
    }
    if report.unreferenced:
        content["without_reference"] = [{**r.labels, "images": r.images, **r.values} for r in report.unreferenced]
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(report: Report, path: Path) -> None:
    """A line per row; a value's interval in NAME_low and NAME_high. Undefined values are empty."""
    labels, values = _columns(report.rows)
    flat = [(row, _flat(row)) for row in report.rows]
    numbers = list(dict.fromkeys(name for _, cells in flat for name in cells))
    bounded = [name for name in values if any(name in row.intervals for row in report.rows)]
    bounds = [f"{name}_{end}" for name in bounded for end in ("low", "high")]
    columns = [*labels, "images", *values, *bounds]
    columns += [name for name in numbers if name not in columns]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row.labels, "images": row.images, **cells} for row, cells in flat)
    atomic.write_bytes(path, text.getvalue().encode())


def check_writable(path: str | None, flag: str) -> Path | None:
    """The path of a result's file, asked for before the work; its folder is made.

    Raises:
        UserError: nothing can be written there.
    """
    if path is None:
        return None
    file = local_place(path, flag)
    atomic.check_file(file, f"{flag} {path}")
    return file


def _flat(row: Row) -> dict[str, float | int | str]:
    """All numbers of a row by column: values and their bounds, then each subset's mIoU; undefined ones are empty."""
    parts = [("", row.values, row.intervals)]
    cells: dict[str, float | int | str] = {}
    for subset, part in row.subsets.items():
        cells[f"images_{subset}"] = part.images
        bound = {_MIOU: part.intervals[_MIOU]} if _MIOU in part.intervals else {}
        parts.append((f"_{subset}", {_MIOU: part.values[_MIOU]}, bound))
    for ending, values, intervals in parts:
        cells |= {f"{name}{ending}": "" if value is None else value for name, value in values.items()}
        for name, ends in intervals.items():
            cells |= {f"{name}{ending}_{end}": bound for end, bound in zip(("low", "high"), ends)}
    return cells


def _subset_names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.subsets))


def _by_subset(rows: Sequence[Row], labels: Sequence[str], subsets: Sequence[str]) -> Table:
    """mIoU by subset, each with its number of images."""
    table = Table(title="mIoU by subset (images)", title_justify="left")
    for name in labels:
        table.add_column(name.replace("_", " "), overflow="fold")
    for name in subsets:
        table.add_column(name, justify="right")
    for row in rows:
        cells = [str(row.labels.get(name, "")) for name in labels]
        for name in subsets:
            part = row.subsets.get(name)
            value = f"{as_text(part.values[_MIOU])} ({part.images})" if part else UNDEFINED
            interval = part.intervals.get(_MIOU) if part else None
            cells.append(value + (f"\n{_range(interval)}" if interval else ""))
        table.add_row(*cells)
    return table


def _lists(intervals: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {name: list(interval) for name, interval in intervals.items()}


def _columns(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Names of all labels and values, in the order of their first appearance."""
    return list(dict.fromkeys(n for r in rows for n in r.labels)), list(
        dict.fromkeys(n for r in rows for n in r.values)
    )


def _cell(value: float | None, interval: tuple[float, float] | None) -> str:
    return as_text(value) + (f"\n{_range(interval)}" if interval else "")


def _range(interval: tuple[float, float]) -> str:
    return f"{_short(interval[0])}–{_short(interval[1])}"


def as_text(value: float | None) -> str:
    """A value as people read it."""
    if value is None:
        return UNDEFINED
    return f"{value:.3f}" if 0.01 <= abs(value) < 10 or value == 0 else f"{value:.4g}"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if 0 <= value < 1 else f"{value:.3f}"
