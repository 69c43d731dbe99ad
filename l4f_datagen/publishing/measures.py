"""Figures for cards: results of ``evaluate``, and what the cards of checkpoints say of their quality."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..addresses import hidden
from ..documents import Unreadable, load_json
from ..errors import UserError
from ..short import short

_MOST_BYTES = 256 << 20  # of a result, which tells of every image
_MOST_ROWS, _MOST_CELL = 64, 80
_BESIDE = ("per_image", "subsets", "intervals", "error")
"""Entries of a row that are no columns of a card's table."""


def of_file(path: str) -> list[str]:
    """The lines of a card that show a result as ``evaluate --json-file`` writes it.

    Raises:
        UserError: the file holds no result.
    """
    try:
        content = load_json(Path(path).expanduser(), most=_MOST_BYTES, kind=dict)
    except Unreadable as error:
        raise _no_result(path, error.got) from error
    rows = content.get("rows")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise _no_result(path, "a file without rows")
    notes = content.get("notes")
    said = [f"- {_text(note, 400)}" for note in notes if isinstance(note, str)] if isinstance(notes, list) else []
    lines = [f"### {_text(content.get('title', Path(path).stem))}", "", *table(rows), ""]
    return [*lines, *said, ""] if said else lines


def of_quality(quality: Mapping[str, Any]) -> list[str]:
    """The lines of a card that show what a checkpoint's card says of its quality."""
    lines = [f"- {_named(name, value)}" for name, value in quality.items() if name != "rows"]
    rows = quality.get("rows")
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        return [*table(rows), "", *lines, ""]
    return [*lines, ""] if lines else []


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows of values by name as a table in Markdown; 95 % intervals stand behind their values."""
    names = list(dict.fromkeys(name for row in rows for name in row if name not in _BESIDE))
    shown = [[_cell(row, name) for name in names] for row in rows[:_MOST_ROWS]]
    titles = [_text(name.replace("_", " ")) for name in names]
    return [f"| {' | '.join(titles)} |", "|---" * len(names) + "|", *(f"| {' | '.join(cells)} |" for cells in shown)]


def _cell(row: Mapping[str, Any], name: str) -> str:
    intervals = row.get("intervals")
    interval = intervals.get(name) if isinstance(intervals, Mapping) else None
    text = _text(row.get(name))
    if isinstance(interval, (list, tuple)) and len(interval) == 2:
        return f"{text} ({_text(interval[0])}–{_text(interval[1])})"
    return text


def _named(name: str, value: Any) -> str:
    """An entry as a phrase; entries within it behind a colon."""
    title = _text(name.replace("_", " "))
    if isinstance(value, Mapping):
        return f"{title}: " + ", ".join(f"{_text(key.replace('_', ' '))} {_text(one)}" for key, one in value.items())
    return f"{title}: {_text(value, 400)}"


def _text(value: Any, most: int = _MOST_CELL) -> str:
    """A value as text that keeps to its place in a table."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return short(hidden(str(value)), most).replace("|", "\\|")


def _no_result(path: str, got: str) -> UserError:
    return UserError(
        f"evaluation {path}", got=got, expected="a result as evaluate --json-file writes it, with rows",
        remedy="name the JSON file of an evaluation",
    )  # fmt: skip
