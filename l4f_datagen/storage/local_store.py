"""A folder of this machine as a store."""

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from . import atomic
from .store import Store, Writable


class LocalStore(Store):
    """A folder of this machine. Files are written under temporary names, synced and renamed."""

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

    def replacing(self, name: str) -> contextlib.AbstractContextManager[Writable]:
        return atomic.replacing(self.path / name)

    def create_bytes(self, name: str, content: bytes) -> bool:
        return atomic.create_bytes(self.path / name, content)

    def remove(self, *names: str) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def make_writable(self) -> None:
        atomic.check_folder(self.path, f"out {self}")

    def remove_unfinished(self, concerns: Callable[[str], bool]) -> None:
        for path in self.path.glob(f".*{atomic.SUFFIX}"):
            if concerns(path.name[1:]):
                path.unlink(missing_ok=True)

    def sync(self) -> None:
        atomic.sync_path(self.path)


def _size(entry: os.DirEntry) -> int | None:
    try:
        return entry.stat().st_size if entry.is_file() else None
    except FileNotFoundError:
        return None


class _Reading(io.FileIO):
    """A file for reading whose errors name it, since a disk may fail in the middle of a read."""

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
