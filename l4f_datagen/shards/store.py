"""Where the files of a data set lie: a folder of this machine, or one behind an address."""

import contextlib
import io
import os
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from .. import atomic
from ..addresses import remember, split_address
from ..errors import UserError
from . import layout

SCHEMES = ("s3", "gs", "hf", "memory")
_NEEDLESS = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""Other spellings of the same."""


class Store(ABC):
    """One folder, its files by name; what is in folders below is none of its business.

    A file is there whole or not at all, and what was written is seen by the next call. Stores may be sent to
    other processes. ``str(store)`` is what a user calls the folder.
    """

    beat = 10.0
    """Seconds between two signs of life of a writer (``shards.lock``)."""
    near = False
    """Whether a few bytes of a file cost next to nothing."""

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
        """Names of what else there is, folders as a rule."""

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
        """As ``read_bytes``, of a file that should be small: of a longer one it may be ``most`` + 1 bytes alone."""
        return self.read_bytes(name)

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """A file for reading, with seek; read it front to back where you can. Raises ``FileNotFoundError``."""

    @abstractmethod
    def replacing(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """A file for writing front to back. It appears when the block ends well; if not, nothing changed."""

    def write_bytes(self, name: str, content: bytes) -> None:
        """Replace a file by ``content``."""
        with self.replacing(name) as file:
            file.write(content)

    @abstractmethod
    def create_bytes(self, name: str, content: bytes) -> bool:
        """Write a file if it is not there. Of several processes that try, one succeeds; whether this one did."""

    @abstractmethod
    def remove(self, *names: str) -> None:
        """Remove files, the first before the others; it is no error when they are not there."""

    @abstractmethod
    def make_writable(self) -> None:
        """Create the folder if need be, and try whether it can be written. Raises ``UserError``."""

    @abstractmethod
    def remove_unfinished(self, shards: range | None) -> None:
        """Remove what killed runs left of files of these shards; None is all of it, and nobody else may write."""

    def sync(self) -> None:  # noqa: B027 - most places have nothing to do
        """Make what was removed last through a power cut."""


class LocalStore(Store):
    """A folder of this machine: temporary names, synced and renamed."""

    near = True

    def __init__(self, path: Path):
        super().__init__(str(path), os.path.basename(os.path.realpath(path)))  # resolve() raises at loops of links
        self.path = path

    def absolute(self) -> Store:
        return LocalStore(self.path.absolute())

    def where(self, name: str) -> str:
        return str(self.path / name)

    def listing(self) -> dict[str, int]:
        try:
            with os.scandir(self.path) as entries:
                # A temporary file of another writer may get its name between the two questions.
                return {entry.name: size for entry in entries if (size := _size(entry)) is not None}
        except (FileNotFoundError, NotADirectoryError):
            return {}

    def folders(self) -> list[str]:
        return [entry.name for entry in os.scandir(self.path) if not entry.is_file()] if self.is_folder() else []

    def is_folder(self) -> bool:
        return self.path.is_dir()

    def exists(self, name: str) -> bool:
        return (self.path / name).is_file()

    def read_bytes(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def read_small(self, name: str, most: int) -> bytes:
        with self.open(name) as file:
            return file.read(most + 1)

    def open(self, name: str) -> BinaryIO:
        return io.BufferedReader(_Reading(self.path / name))

    def replacing(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        return atomic.replacing(self.path / name)

    def create_bytes(self, name: str, content: bytes) -> bool:
        return atomic.create_bytes(self.path / name, content)

    def remove(self, *names: str) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def make_writable(self) -> None:
        atomic.check_folder(self.path, f"out {self}")

    def remove_unfinished(self, shards: range | None) -> None:
        for path in self.path.glob(f".*{atomic.SUFFIX}"):
            if is_of(path.name[1:], shards):
                path.unlink(missing_ok=True)

    def sync(self) -> None:
        atomic.sync_path(self.path)


def open_store(place: str | Path | Store) -> Store:
    """The store at a path (``~`` is the home folder), ``file://``, ``s3://``, ``gs://``, ``hf://`` or ``memory://``.

    Opens no connection. A store is returned as it is.

    Raises:
        UserError: not such an address, or one with a key in it.
    """
    if isinstance(place, Store):
        return place
    address = split_address(place)
    if address is None:
        return LocalStore(Path(place).expanduser())
    remember(place)
    scheme, rest = address
    if scheme == "file":
        return LocalStore(Path("/" + unquote(rest).removeprefix("localhost/").lstrip("/")))
    scheme = _NEEDLESS.get(scheme, scheme)
    if scheme not in SCHEMES:
        raise UserError(
            f"{scheme}://…", got="an address of an unknown kind", expected=" or ".join(f"{s}://" for s in SCHEMES),
            remedy="name one of these, or a folder",
        )  # fmt: skip
    if "@" in rest.partition("/")[0] and scheme != "hf":
        raise UserError(
            f"{scheme}://…", got="an address with a user or a key in it", expected=f"{scheme}://BUCKET/PREFIX",
            remedy="leave keys to the environment or to the storage's own configuration",
        )  # fmt: skip
    rest = re.sub("/+$", "", rest)
    if not rest:
        raise UserError(f"{scheme}://", got="no bucket", expected=f"{scheme}://BUCKET/PREFIX", remedy="name one")
    from .remote import RemoteStore

    return RemoteStore(scheme, rest)


def is_of(name: str, shards: range | None) -> bool:
    """Whether a file belongs to these shards; None is all of them and what is over them."""
    return shards is None or layout.shard_of(name) in shards


def _size(entry: os.DirEntry) -> int | None:
    try:
        return entry.stat().st_size if entry.is_file() else None
    except FileNotFoundError:
        return None


class _Reading(io.FileIO):
    """A file for reading whose errors name it: a disk may fail in the middle."""

    def readinto(self, buffer) -> int:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise self._named(error) from None

    def readall(self) -> bytes:
        try:
            return super().readall()
        except OSError as error:
            raise self._named(error) from None

    def _named(self, error: OSError) -> OSError:
        return OSError(error.errno, error.strerror, str(self.name))
