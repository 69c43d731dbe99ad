"""A quick look at the files over all shards of a finished data set: do they agree with the stats of its shards?"""

import hashlib
from collections.abc import Iterator, Mapping

from ..storage import parquet
from ..storage.store import Store
from .damage import Damaged
from .format import checksums, index, layout
from .format.schema import is_known


def problems(store: Store, shards: int, name: str, samples: int) -> Iterator[Damaged]:
    """Problems of those files that exist. Only the stats of each shard are read, and the head of ``metadata.parquet``.

    Args:
        name: what the indexes call the data set.

    Raises:
        Damaged: the stats of a shard cannot be used.
    """
    sizes = store.listing()
    if layout.METADATA in sizes and (problem := _metadata_problem(store, shards, samples)):
        yield Damaged(store.where(layout.METADATA), problem)
    if layout.CARD in sizes and not sizes[layout.CARD]:
        yield Damaged(store.where(layout.CARD), "empty")
    expected = index.loader_indexes(list(index.tar_stats(store, shards)), name)
    for file_name, content in expected.items():
        if sizes.get(file_name, len(content)) != len(content) or (
            file_name in sizes and store.read_bytes(file_name) != content
        ):
            yield Damaged(store.where(file_name), "not what the stats of the shards give")
    if layout.CHECKSUMS in sizes and not _sums_hold(store, shards, expected):
        yield Damaged(store.where(layout.CHECKSUMS), "not the checksums of this data set")


def _metadata_problem(store: Store, shards: int, samples: int) -> str | None:
    try:
        with store.open(layout.METADATA) as file:
            found = parquet.open_file(file)
            if not is_known(found.schema_arrow):
                return "other columns than those of a data set"
            rows, groups = found.metadata.num_rows, found.metadata.num_row_groups
    except parquet.Broken as error:
        return str(error)
    if (rows, groups) != (samples, shards):
        return f"{rows} rows of {groups} shards; there are {samples} of {shards}"
    return None


def _sums_hold(store: Store, shards: int, indexes: Mapping[str, bytes]) -> bool:
    """Whether every line is as it would be written now; the rows may be long, so that their checksum is trusted."""
    with store.open(layout.CHECKSUMS) as file:
        for name, sha256 in _expected(store, shards, indexes):
            line = file.readline(4096)
            expected = _is_line_of(line, name) if sha256 is None else line == checksums.line(name, sha256)
            if not expected:
                return False
        return not file.read(1)


def _expected(store: Store, shards: int, indexes: Mapping[str, bytes]) -> Iterator[tuple[str, str | None]]:
    for name in layout.HEAD:
        yield name, hashlib.sha256(store.read_bytes(name)).hexdigest()
    yield from checksums.of_shards(store, shards)
    yield layout.METADATA, None
    for name, content in indexes.items():
        yield name, hashlib.sha256(content).hexdigest()


def _is_line_of(line: bytes, name: str) -> bool:
    return len(line) == len(checksums.line(name, "0" * 64)) and line.endswith(checksums.line(name, "")[1:])
