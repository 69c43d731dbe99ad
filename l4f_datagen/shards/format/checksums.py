"""``SHA256SUMS``: the checksums of all files of a finished data set, as ``sha256sum -c`` reads them."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from ...storage.store import Store
from .. import naming
from . import layout, stats

_PIECE = 1 << 20


def write_checksums(store: Store, shards: int) -> None:
    """Write ``SHA256SUMS`` over a data set whose other files are all there. Memory does not grow with ``shards``."""
    with store.replacing(layout.CHECKSUMS) as file:
        for name, sha256 in _all(store, shards):
            file.write(line(name, sha256))


def replace(store: Store, name: str, content: bytes) -> None:
    """Put the checksum of a file's new content into ``SHA256SUMS``; the lines of others stay."""
    end = line(name, "")
    with store.open(layout.CHECKSUMS) as before, store.replacing(layout.CHECKSUMS) as file:
        for there in before:
            file.write(line(name, hashlib.sha256(content).hexdigest()) if there.endswith(end) else there)


def line(name: str, sha256: str) -> bytes:
    """One line of the file."""
    return f"{sha256}  {name}\n".encode()


def of_file(file: BinaryIO) -> str:
    """SHA-256 of the rest of a file, from where it stands."""
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


class HashingReader:
    """A file for reading, front to back, that takes checksums on the way, in large pieces."""

    def __init__(self, file: BinaryIO):
        self._file, self._piece, self._at = file, b"", 0
        self._md5, self._sha256, self._size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer only at the end."""
        found = self._piece[self._at : self._at + size]
        self._at += len(found)
        if len(found) == size:
            return found
        parts, missing = [found], size - len(found)
        while missing and self._next():
            parts.append(self._piece[:missing])
            self._at = len(parts[-1])
            missing -= self._at
        return b"".join(parts)

    def digest(self) -> dict[str, object]:
        """Size and checksums of the whole file, whatever was read of it."""
        while self._next():
            pass
        return {"bytes": self._size, "md5": self._md5.hexdigest(), "sha256": self._sha256.hexdigest()}

    def _next(self) -> bool:
        self._piece, self._at = self._file.read(_PIECE), 0
        self._md5.update(self._piece)
        self._sha256.update(self._piece)
        self._size += len(self._piece)
        return bool(self._piece)


def of_shards(store: Store, shards: int) -> Iterator[tuple[str, str]]:
    """Names and checksums of the files of all shards: computed for the stats, which hold those of the other files."""
    for shard in range(shards):
        name = layout.stats(shard)
        content = store.read_small(name, stats.MOST_BYTES)
        yield name, hashlib.sha256(content).hexdigest()
        files = stats.parse(content, store.where(name), shard)["files"]
        for name in naming.files_of(store, shard)[1:]:
            yield name, files[name]["sha256"]


def _all(store: Store, shards: int) -> Iterator[tuple[str, str]]:
    """Names and checksums in the file's order."""
    for name in layout.HEAD:
        yield name, _of(store, name)
    yield from of_shards(store, shards)
    for name in layout.INDEXES:
        yield name, _of(store, name)


def _of(store: Store, name: str) -> str:
    with store.open(name) as file:
        return of_file(file)
