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
UNANSWERED = 0.7
"""The same of what an encoder answers, before any step: 3 of 32 renderings of vessels have more, 27 of 32 skin lesions
and 32 of 32 faces, by an encoder of vessels."""
_SIGN, _FAR = "the generator cannot draw it well", "its code is unlike those that the generator draws from"
_UNKNOWN, _ELSEWHERE = "the encoder does not know it", "no code that the generator often draws from resembles it"

_SIGNS = (_SIGN, _FAR, _UNKNOWN, _ELSEWHERE)


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


def far(distance: float, farthest: float) -> list[str]:
    """What to tell of a code that lies farther from the mean code than nearly all that are drawn.

    Layers that each have a code of their own can draw nearly anything, with a small error; it shows in their codes.
    """
    if distance <= farthest:
        return []
    return [f"{_FAR}: {distance:.2f} standard deviations from the mean, where one of a thousand exceeds {farthest:.2f}"]


def unknown(undrawn: float) -> list[str]:
    """What to tell of a photograph that an encoder's answer hardly draws: steps from there draw nearly anything.

    Args:
        undrawn: error of the answer over the photograph's contrast.
    """
    if undrawn <= UNANSWERED:
        return []
    return [f"{_UNKNOWN}: the error of its answer is {undrawn:.0%} of the contrast (it may show something else)"]


def elsewhere(distance: float, far: float) -> list[str]:
    """What to tell of a photograph whose one code for all layers lies far out, before each layer got its own.

    A photograph of the class has one such as are drawn: by a generator of vessels none of 16 renderings was told, 11 of
    16 skin lesions and 16 of 16 faces.
    """
    if distance <= far:
        return []
    return [f"{_ELSEWHERE}: its nearest is {distance:.2f} standard deviations from the mean, where one of forty "
            f"exceeds {far:.2f} (it may show something else)"]  # fmt: skip


def keys_of(codes: Codes) -> tuple[str, ...]:
    """Keys of the photographs with a warning of these kinds."""
    return tuple(row.key for row in codes.rows if any(sign in row.warnings for sign in _SIGNS))


def _problem(row: Row, usual: float | None) -> str | None:
    if usual is not None and row.error > TIMES * usual:
        return f"an error of {row.error:.1f} of 255 where {usual:.1f} is usual here"
    if row.undrawn > (UNANSWERED if row.how == "encoder" else UNDRAWN):
        return f"an error of {row.error:.1f} of 255, which is {row.undrawn:.0%} of its contrast"
    return None
