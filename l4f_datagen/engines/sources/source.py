"""What every kind of labelled source has in common."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...errors import UserError

SHOWN = 3
"""Names in an error message."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """An image's file and its labels, as they were made."""

    path: Path
    mask: np.ndarray
    """uint8 H×W: 0 background, 1 foreground, 255 ignored."""
    alpha: np.ndarray | None = None
    """uint8 H×W, when the source has soft masks."""


class Source(abc.ABC):
    """Labelled images in a fixed order, of which the files were looked at when it was made."""

    KIND: ClassVar[str]
    name: str
    """Of the folder or file, without its place."""
    foreground: str
    """What is foreground, in words."""
    digest: str
    """Over all labels and names, so that another source is told from this one."""
    has_alphas: bool = False
    notes: Sequence[str] = ()
    """What was left out or concluded."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def read(self, index: int) -> Labelled:
        """The labels of one image."""


def listed(names: Sequence[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


class Problems:
    """What is wrong with a source, gathered so that a user mends it at once."""

    def __init__(self, subject: str):
        self._subject, self._found = subject, {}

    def add(self, kind: str, name: str) -> None:
        """Another ``name`` of which ``kind`` is true."""
        self._found.setdefault(kind, []).append(name)

    def check(self, remedy: str) -> None:
        """Raise a UserError that names and counts what was found."""
        if self._found:
            got = "; ".join(f"{len(names)} {kind} ({listed(names)})" for kind, names in self._found.items())
            raise UserError(self._subject, got=got, expected="whole files that fit together", remedy=remedy)
