"""A numbered list of pictures: what every set of photographs has in common."""

import abc
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import ClassVar, Protocol

import numpy as np

from .left_out import LeftOut
from .picture.decoding import Photograph, decode
from .picture.rgb import CANVAS


class Source(Protocol):
    """A numbered list of pictures, drawn or brought. ``read`` may be called from several threads."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """The name that a person would look for."""
        ...

    def relative_name(self, index: int) -> str:
        """The name below the folder where all of them lie: the same wherever that folder is."""
        ...

    def digest(self) -> str:
        """SHA-256 over names and sizes: other images have another one. Reads no image."""
        ...

    def read(self, index: int, size: int, *, reduced: bool = False) -> np.ndarray:
        """RGB uint8 H×W×3 in its own size; what is drawn is drawn at ``size``.

        ``reduced``: a shorter side of ``size`` is enough, so that very large JPEGs may be read smaller.

        Raises:
            OSError, ValueError: it is broken.
        """
        ...


class Photographs(abc.ABC):
    """Photographs that somebody brought; a ``Source``."""

    def __init__(self):
        self.left_out = LeftOut()
        self.notices = Notices()

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def name(self, index: int) -> str:
        """The name that a person would look for."""

    @abc.abstractmethod
    def relative_name(self, index: int) -> str:
        """The name below the folder where all of them lie: the same wherever that folder is."""

    @abc.abstractmethod
    def digest(self) -> str:
        """SHA-256 over names and sizes: other images have another one. Reads no image."""

    def place(self, index: int) -> PurePath:
        """The name below what was named, its bytes as they are."""
        return PurePath(self.relative_name(index))

    @abc.abstractmethod
    def content(self, index: int) -> bytes | Path:
        """The picture's file, or where it is.

        Raises:
            OSError, ValueError: it is broken.
        """

    def photograph(self, index: int, *, least: int | None = None) -> Photograph:
        """The decoded picture; ``least`` as for ``decode``.

        Raises:
            OSError, ValueError: it is broken.
        """
        found = decode(self.content(index), least=least)
        self.notices.note(found)
        return found

    def read(self, index: int, size: int, *, reduced: bool = False) -> np.ndarray:
        """RGB uint8 H×W×3 in its own size; ``reduced``: a shorter side of ``size`` is enough.

        Raises:
            OSError, ValueError: it is broken.
        """
        return self.photograph(index, least=size if reduced else None).image


class Notices:
    """Counts the pictures that do not show all that their files hold; several threads may use it."""

    _TEXTS: ClassVar = {
        "transparent": f"with transparency, laid upon {'white' if CANVAS == (255, 255, 255) else CANVAS}",
        "several": "with more than one frame or page, of which the first was taken",
    }

    def __init__(self):
        self.counts: Counter[str] = Counter()
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def note(self, photograph: Photograph) -> None:
        """Count one."""
        if photograph.transparent or photograph.head.several:
            with self._lock:
                self.counts["transparent"] += photograph.transparent
                self.counts["several"] += photograph.head.several

    def new(self) -> list[str]:
        """What was not told before, without a count: there may be more to come."""
        with self._lock:
            kinds = [kind for kind, count in self.counts.items() if count and kind not in self._told]
            self._told.update(kinds)
        return [f"pictures {self._TEXTS[kind]}" for kind in kinds]

    def all(self) -> list[str]:
        """All that was seen so far, with counts."""
        return self.lines(self.counts)

    @classmethod
    def lines(cls, counts: Mapping[str, int]) -> list[str]:
        """Counts in words."""
        return [f"{count} pictures {cls._TEXTS[kind]}" for kind, count in sorted(counts.items()) if count]


def text(name: str) -> str:
    """A file's name as text that can be written: bytes that are no UTF-8 become question marks."""
    return os.fsencode(name).decode("utf-8", "replace")


def relative(path: Path, root: Path) -> str:
    """A path below a folder, as text that can be written."""
    return text(path.relative_to(root).as_posix())


def place_in_archive(archive: Path, member: str) -> PurePath:
    """Where a member's results belong: below a folder of the archive's name, wherever its own name would lead."""
    parts = ["_" if part == ".." else part for part in member.split("/") if part not in ("", ".")]
    name = archive.name.lower()
    stem = archive.name[: -len(".tar.gz")] if name.endswith(".tar.gz") else archive.stem
    return PurePath(archive.parent, stem, *parts)


def digest_of(entries: Iterable[tuple[str, int]]) -> str:
    """SHA-256 over names and sizes."""
    digest = hashlib.sha256()
    for name, size in entries:
        digest.update(f"{name}\0{size}\n".encode())
    return digest.hexdigest()
