"""Photographs that a generator cannot draw, because they show something else than it learned."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from .codes import Codes, Row

TIMES = 2.0
"""An error so many times the median of the folder's is far above the usual."""
_FEWEST = 4
"""Photographs from which on there is something usual."""
UNDRAWN = 0.5
"""Error over the contrast of a photograph from which on little of what it shows was drawn, whatever is usual."""
_SIGN = "the generator cannot draw it well"


def told(rows: Sequence[Row]) -> list[Row]:
    """The rows of a folder, those with an error far above the usual with a warning that says so."""
    usual = statistics.median(row.error for row in rows)
    found = []
    for row in rows:
        others = [part for part in row.warnings.split("; ") if part and _SIGN not in part]
        if problem := _problem(row, usual if len(rows) >= _FEWEST else None):
            others.append(f"{_SIGN}: {problem} (it may show something else than it learned)")
        found.append(replace(row, warnings="; ".join(others)))
    return found


def keys_of(codes: Codes) -> tuple[str, ...]:
    """Keys of the photographs with such a warning."""
    return tuple(row.key for row in codes.rows if _SIGN in row.warnings)


def _problem(row: Row, usual: float | None) -> str | None:
    if usual is not None and row.error > TIMES * usual:
        return f"an error of {row.error:.1f} of 255 where {usual:.1f} is usual here"
    if row.undrawn > UNDRAWN:
        return f"an error of {row.error:.1f} of 255, which is {row.undrawn:.0%} of its contrast"
    return None
