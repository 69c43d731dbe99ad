"""What every folder of a data set can do, wherever it lies."""

import contextlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import BinaryIO

Writable = BinaryIO | io.RawIOBase
"""A file for writing."""


class Store(ABC):
    """One folder and its files, by name; folders inside it do not count.

    A file is there whole or not at all, and what was written is seen by the next call. Stores may be sent to
    other processes. ``str(store)`` is what a user calls the folder.
    """

    beat = 10.0
    """Seconds between two signs of life of a writer (``storage.lock``)."""
    near = False
    """Whether it costs next to nothing to read a few bytes of a file."""

    def __init__(self, url: str, name: str):
        self.url = url
        self.name = name
        """The last part of the path."""

    def __str__(self) -> str:
        return self.url

    def absolute(self) -> "Store":
        """The same folder for processes with another working folder."""
        return self

    def where(self, name: str) -> str:
        """What a user calls a file."""
        return f"{self.url}/{name}"

    @abstractmethod
    def listing(self) -> dict[str, int]:
        """Names and sizes in bytes of all files; empty when there is no such folder."""

    @abstractmethod
    def folders(self) -> list[str]:
        """Names of everything that is not a file: folders, as a rule."""

    @abstractmethod
    def is_folder(self) -> bool:
        """Whether there is such a folder."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def read_bytes(self, name: str) -> bytes:
        """The content of a file. Raises ``FileNotFoundError``."""

    def read_small(self, name: str, most: int) -> bytes:
        """As ``read_bytes``, for a file that should be small: of a longer one, ``most`` + 1 bytes may be read."""
        return self.read_bytes(name)

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """A file for reading, with seek; read it front to back where you can. Raises ``FileNotFoundError``."""

    @abstractmethod
    def replacing(self, name: str) -> contextlib.AbstractContextManager[Writable]:
        """A file for writing front to back. It appears when the block ends well; if not, nothing changed."""

    def write_bytes(self, name: str, content: bytes) -> None:
        """Replace a file by ``content``."""
        with self.replacing(name) as file:
            file.write(content)

    @abstractmethod
    def create_bytes(self, name: str, content: bytes) -> bool:
        """Write a file if it is not there. If several processes try, one succeeds. Returns whether it was this one."""

    @abstractmethod
    def remove(self, *names: str) -> None:
        """Remove files, the first before the others; it is no error when they are not there."""

    @abstractmethod
    def make_writable(self) -> None:
        """Create the folder if need be, and try whether it can be written. Raises ``UserError``."""

    @abstractmethod
    def remove_unfinished(self, concerns: Callable[[str], bool]) -> None:
        """Remove what killed runs left of files whose names ``concerns`` accepts; nobody else may write these."""

    def sync(self) -> None:  # noqa: B027 - most places have nothing to do
        """Make removals last through a power cut."""
