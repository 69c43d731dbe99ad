"""Classes of a reference that count: names or numbers, as a user gives them, become numbers."""

from collections.abc import Collection, Mapping

from ..errors import UserError
from ..short import short

_SHOWN = 20


def numbers_of(
    wanted: Collection[str], names: Mapping[int, str], name: str, *, known: Collection[int] | None = None
) -> frozenset[int] | None:
    """The numbers of the classes that count; None: all do.

    Args:
        wanted: names and numbers; none: all classes.
        names: the reference's classes, by number, as far as it tells them.
        name: what messages call the reference.
        known: the numbers that it may give; None: only ``names`` tell them, or nobody does.

    Raises:
        UserError: it has no such class, or does not tell names.
    """
    if not wanted:
        return None
    by_name = {text: number for number, text in names.items()}
    there = set(names) | set(known or ())
    found = set()
    for text in wanted:
        number = by_name.get(text, int(text) if text.isdecimal() and len(text) < 10 else None)
        if number is None or (there and number not in there):
            raise UserError(
                "--reference-classes", got=f"{short(text, quotes=True)}, no class of {name}",
                expected=_expected(names, there), remedy="change --reference-classes, or leave it out for all classes",
            )  # fmt: skip
        found.add(number)
    return frozenset(found)


def _expected(names: Mapping[int, str], there: Collection[int]) -> str:
    if not there:
        return "numbers: the file names no classes"
    listed = [f"{number} {names[number]}" if number in names else str(number) for number in sorted(there)]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"of {short(', '.join(listed[:_SHOWN]), 600)}{more}"
