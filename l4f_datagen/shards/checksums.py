"""``SHA256SUMS``: the checksums of all files of a finished data set, as ``sha256sum -c`` reads them."""

import hashlib
import json
from collections.abc import Iterator
from typing import BinaryIO

from . import layout
from .store import Store

_PIECE = 1 << 20


def write_checksums(store: Store, shards: int) -> None:
    """Write ``SHA256SUMS`` over a data set whose other files are all there. Memory does not grow with ``shards``."""
    with store.replacing(layout.CHECKSUMS) as file:
        for name, sha256 in _all(store, shards):
            file.write(line(name, sha256))


def line(name: str, sha256: str) -> bytes:
    """One line of the file."""
    return f"{sha256}  {name}\n".encode()


def of_file(file: BinaryIO) -> str:
    """SHA-256 of what is left to read in a file."""
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _all(store: Store, shards: int) -> Iterator[tuple[str, str]]:
    """Names and checksums in the file's order; those of a shard's files are taken from its stats."""
    for name in layout.HEAD:
        yield name, _of(store, name)
    for shard in range(shards):
        content = store.read_bytes(layout.stats(shard))
        yield layout.stats(shard), hashlib.sha256(content).hexdigest()
        files = json.loads(content)["files"]
        for name in layout.of_shard(shard)[1:]:
            yield name, files[name]["sha256"]
    for name in layout.INDEXES:
        yield name, _of(store, name)


def _of(store: Store, name: str) -> str:
    with store.open(name) as file:
        return of_file(file)
