"""Which classes of a class-conditional generator are drawn, in one spelling: "7", "0-3,7" or "all"."""

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .base import Metavar
from .ranges import chosen_numbers

ALL = "all"
_MOST = 1_000_000
"""Classes that a text may name; the published generators have up to a thousand."""


def spelled(classes: Iterable[int]) -> str:
    """Rising numbers as the text that stands for them: 0, 1, 2, 7 → "0-2,7"."""
    runs: list[list[int]] = []
    for number in classes:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


@cache
def written_classes(text: str) -> frozenset[int]:
    """The classes that a text stands for which ``spelled`` made.

    Raises:
        ValueError: it is no such text.
    """
    found = chosen_numbers(text, _MOST)
    if spelled(sorted(set(found))) != text:
        raise ValueError("classes in rising order, such as 0-2,7")
    return frozenset(found)


def one_spelling(text: str) -> str:
    """The same classes as "all" or rising numbers and ranges.

    Raises:
        ValueError: it is neither, or names a class twice.
    """
    text = text.strip().lower()
    if text == ALL:
        return ALL
    try:
        found = chosen_numbers(text, _MOST)
    except ValueError:
        raise ValueError("classes from 0, such as 3, 0-2,7 or all") from None
    if len(set(found)) != len(found):
        raise ValueError("every class once, such as 0-2,7")
    return spelled(sorted(found))


def numbers_of(text: str, count: int) -> tuple[int, ...]:
    """The classes that a text in one spelling stands for, rising.

    Args:
        count: classes that there are, which "all" stands for.
    """
    return tuple(range(count)) if text == ALL else chosen_numbers(text, _MOST)


def _one_spelling(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    text = one_spelling(value)
    return int(text) if text.isdecimal() else text


DrawnClasses = Annotated[
    int | str | None,
    BeforeValidator(_one_spelling),
    Metavar("N|N-N,N|all"),
    Field(description="class, from 0, that a class-conditional generator draws; or several, each as often as another"),
]
