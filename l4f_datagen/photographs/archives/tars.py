"""Photographs in tar files."""

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple

from ...errors import UserError
from ..picture.decoding import Photograph
from ..source import Photographs, digest_of, place_in_archive, relative, text
from . import members, own
from .tar_index import Entry, NoTar, Readable, entries

_PIECE = 1 << 20
_UNPACKED_FACTOR, _UNPACKED_LEAST = 100, 1 << 30
"""A compressed archive may unpack to this many times its size, or to this many bytes. Pictures hardly shrink."""
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class _Member(NamedTuple):
    path: Path
    entry: Entry


class TarImages(Photographs):
    """The image of every WebDataset sample, and all images of other tars; not KEY.mask.png and the like.

    Reads the headers once and then goes straight to each member. What is compressed with gzip is unpacked once, its
    pictures alone, into a file that has no name and is gone when the program ends.

    Shards of our own data sets have to be as they were written: what is wrong with one raises ``Damaged``, here or when
    the picture is read.
    """

    def __init__(self, paths: Sequence[Path], root: Path, setting: str = "images"):
        super().__init__()
        self.root = root
        self._unpacked: dict[Path, BinaryIO] = {}
        self.members: list[_Member] = []
        self._own = own.shards_of(paths)
        for path in paths:
            try:
                self.members += self._index(path)
            except (NoTar, EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise UserError(
                    f"{setting} {path}", got=f"no whole tar file ({error})", expected="a tar, plain or with gzip",
                    remedy="copy it again",
                ) from error  # fmt: skip

    def __len__(self) -> int:
        return len(self.members)

    def name(self, index: int) -> str:
        path, entry = self.members[index]
        return f"{path}: {entry.name}"

    def relative_name(self, index: int) -> str:
        path, entry = self.members[index]
        return f"{relative(path, self.root)}/{text(entry.name)}"

    def place(self, index: int) -> PurePath:
        path, entry = self.members[index]
        return place_in_archive(path.relative_to(self.root), entry.name)

    def digest(self) -> str:
        return digest_of((self.relative_name(index), entry.size) for index, (_, entry) in enumerate(self.members))

    def content(self, index: int) -> bytes:
        path, entry = self.members[index]
        unpacked = self._unpacked.get(path)
        if unpacked is not None:
            return os.pread(unpacked.fileno(), entry.size, entry.offset)
        with path.open("rb") as file:
            file.seek(entry.offset)
            return file.read(entry.size)

    def photograph(self, index: int, *, least: int | None = None) -> Photograph:
        path, entry = self.members[index]
        if path not in self._own:
            return super().photograph(index, least=least)
        with self._own[path].told(entry.name):
            self._own[path].check(self.content(index), entry.name)
            return super().photograph(index, least=least)

    def _index(self, path: Path) -> list[_Member]:
        if path in self._own:
            return [_Member(path, entry) for entry in self._own[path].entries()]
        with path.open("rb") as file:
            start = file.read(6)
            packed = next((name for magic, name in _PACKED.items() if start.startswith(magic)), None)
            file.seek(0)
            if packed is None:
                found = list(self._files(entries(file)))
            elif packed == "gzip":
                found = self._unpack(path, file)
            else:
                raise NoTar(f"one that is compressed with {packed}: unpack it")
        kept = members.photographs(found, self.left_out, name=lambda e: e.name, size=lambda e: e.size)
        return [_Member(path, entry) for entry in kept]

    def _files(self, found: Iterator[Entry]) -> Iterator[Entry]:
        for entry in found:
            if entry.kind == "file":
                yield entry
            elif entry.kind == "link":
                self.left_out.add("links", entry.name)

    def _unpack(self, path: Path, file: BinaryIO) -> list[Entry]:
        most = max(_UNPACKED_LEAST, _UNPACKED_FACTOR * os.fstat(file.fileno()).st_size)
        unpacked, found = tempfile.TemporaryFile(), []  # noqa: SIM115, kept for reading
        with gzip.open(file) as stream:
            reader = _Bounded(stream, most)
            for entry in self._files(entries(reader)):
                single = members.photographs([entry], self.left_out, name=lambda e: e.name, size=lambda e: e.size)
                if not single:
                    continue
                found.append(entry._replace(offset=unpacked.tell()))
                for start in range(0, entry.size, _PIECE):
                    unpacked.write(reader.read(min(_PIECE, entry.size - start)))
        unpacked.flush()
        self._unpacked[path] = unpacked
        return found


class _Bounded:
    """A compressed stream that refuses to unpack more than ``most`` bytes."""

    def __init__(self, stream: Readable, most: int):
        self._stream, self._most = stream, most

    def read(self, size: int) -> bytes:
        """As of a file."""
        self._check(self._stream.tell() + size)
        return self._stream.read(size)

    def tell(self) -> int:
        """As of a file."""
        return self._stream.tell()

    def seek(self, place: int) -> None:
        """As of a file, forward."""
        self._check(place)
        self._stream.seek(place)

    def _check(self, place: int) -> None:
        if place > self._most:
            raise NoTar(f"one that unpacks to more than {self._most >> 20} MiB")
