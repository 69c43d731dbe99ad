"""Lists of samples that somebody rejected: a setting that is given as a file and kept as its entries.

A line is a sample's key, and which of the candidates of this key it is: ``000000012 0``. A line without a candidate
names the sample that is there under the key, whichever candidate it is. What follows a ``#`` is a comment.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from ..errors import UserError
from ..short import short
from ..storage.opening import local_place
from .base import Metavar

_LINE = re.compile(r"([0-9]{1,18})(?:[ \t,;]+([0-9]{1,9}))?")
_MOST_BYTES = 1 << 26


def read_list(place: str | Path, flag: str) -> tuple[str, ...]:
    """The entries of a file on this machine, sorted, each once, in one spelling.

    Raises:
        UserError: it is elsewhere, cannot be read, or a line is no entry; names the flag.
    """
    subject = f"{flag} {place}"
    expected, remedy = "a list of rejected samples", "name one that the gallery saved, or write KEY CANDIDATE lines"
    try:
        with local_place(place, flag).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MiB")
        return entries(content.decode("utf-8-sig").splitlines())
    except OSError as error:
        raise UserError(subject, got=error.strerror or error, expected=expected, remedy=remedy) from error
    except ValueError as error:
        got = "a file that is no text" if isinstance(error, UnicodeDecodeError) else error
        raise UserError(subject, got=got, expected=expected, remedy=remedy) from error


def entries(lines: Iterable[str]) -> tuple[str, ...]:
    """The entries of lines, as ``read_list`` gives them.

    Raises:
        ValueError: a line is none; says which.
    """
    found = set()
    for number, line in enumerate(lines, 1):
        if words := line.partition("#")[0].strip():
            if not (entry := _LINE.fullmatch(words)):
                raise ValueError(f"line {number}, {short(words, 40, quotes=True)}, which is no KEY CANDIDATE")
            key, candidate = entry.groups()
            found.add(f"{int(key):09d}" + (f" {int(candidate)}" if candidate is not None else ""))
    return tuple(sorted(found))


class NothingLeft(UserError):
    """A list names every sample that there is."""

    def __init__(self, flag: str, samples: int):
        super().__init__(
            flag,
            got=f"a list that names all {samples} samples",
            expected="some to be left",
            remedy="give it fewer entries",
        )


class RejectList:
    """Which samples the entries of a list name."""

    def __init__(self, listed: Iterable[str]):
        pairs = [tuple(map(int, entry.split())) for entry in listed]
        self._candidates = frozenset(pair for pair in pairs if len(pair) == 2)
        self._whichever = frozenset(pair[0] for pair in pairs if len(pair) == 1)
        self._indices = frozenset(pair[0] for pair in pairs)

    def __bool__(self) -> bool:
        return bool(self._candidates or self._whichever)

    def may_name(self, index: int) -> bool:
        """Whether an entry is about this index."""
        return index in self._indices

    def names_candidate(self, index: int, candidate: int) -> bool:
        """Whether an entry says that it is this candidate of a sample's index."""
        return (index, candidate) in self._candidates

    def names_whichever(self, index: int) -> bool:
        """Whether an entry names the sample of this index without a candidate."""
        return index in self._whichever

    def names(self, index: int, candidate: int) -> bool:
        """Whether an entry names a sample that is there."""
        return self.names_candidate(index, candidate) or self.names_whichever(index)


def _entries(value: Any, info: ValidationInfo) -> Any:
    """Read a file; take entries as they are. A list of none is no list."""
    if isinstance(value, str) and value.strip().lower() == "none":
        return None
    if isinstance(value, (str, Path)):
        return read_list(value, (info.field_name or "").replace("_", "-")) or None
    if isinstance(value, (list, tuple)) and all(isinstance(entry, str) for entry in value):
        return entries(value) or None
    return value


Rejected = Annotated[tuple[str, ...] | None, BeforeValidator(_entries), Metavar("FILE")]
"""Entries such as ``000000012 0``, sorted."""
