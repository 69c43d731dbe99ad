"""The files over all shards, held against the shards as these are read one after the other."""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import parquet
from . import card, checksums, folder, index, layout, sealed
from .schema import SCHEMA
from .store import Store
from .verify_shard import ShardCheck


class IndexChecks:
    """Takes shards in order and gives, when closed, the problems of the card and of the files over all shards."""

    def __init__(
        self, store: Store, sizes: Mapping[str, int], description: Mapping[str, Any] | None, lengths: Mapping[int, Any]
    ):
        self._store, self._sizes, self._description, self._lengths = store, sizes, description, lengths
        self._problems: list[tuple[str, str]] = []
        self._tars: list[tuple[str, int, Mapping[str, Any]]] = []
        self._unfinished = False
        self._open = ExitStack()
        self._sums = self._opened(layout.CHECKSUMS)
        self._sums_hold = True
        self._metadata = self._rows()
        self._bad_rows = self._groups = 0
        self._check_dataset()
        self._check_card()

    def add(self, check: ShardCheck, length: int | None) -> None:
        """Hold the files against a shard's."""
        names = layout.of_shard(check.shard)
        bad = {name for name, _ in check.problems}
        if {(name, "missing") for name in names} & set(check.problems):
            self._unfinished = True
        for name in names:
            if name in check.digests:
                self._compare(name, check.digests[name]["sha256"], known=name not in bad)
            else:
                self._skip()
        if self._metadata is not None and check.table is not None and self._lengths:
            self._bad_rows += not self._same_rows(check.table)
        self._groups += 1
        tar = check.stats["files"] if check.stats is not None else check.digests
        if layout.tar(check.shard) in tar and length is not None:
            self._tars.append((layout.tar(check.shard), length, tar[layout.tar(check.shard)]))

    def close(self) -> list[tuple[str, str]]:
        """File and what is wrong with it."""
        self._check_metadata()
        self._compare(layout.METADATA, self._digest(layout.METADATA), known=False)
        self._check_loader_indexes()
        if self._sums is not None and self._sums.read(1):
            self._sums_differ("the end")
        if not self._unfinished:
            self._problems += [(name, "missing") for name in layout.FINAL if name not in self._sizes]
        if layout.CARD not in self._sizes:
            self._problems.append((layout.CARD, "missing"))
        self._open.close()
        return self._problems

    def _opened(self, name: str) -> Any:
        return self._open.enter_context(self._store.open(name)) if name in self._sizes else None

    def _digest(self, name: str) -> str | None:
        if name not in self._sizes:
            return None
        with self._store.open(name) as file:
            return checksums.of_file(file)

    def _compare(self, name: str, sha256: str | None, *, known: bool) -> None:
        """Read the line of a file in ``SHA256SUMS``; ``known``: that the file itself is sound."""
        if self._sums is None:
            return
        line = self._sums.readline()
        if sha256 is None or line == checksums.line(name, sha256):
            return
        if known:
            self._sums_differ(name)
        elif name in (layout.CARD, *layout.INDEXES):
            self._problems.append((name, f"not the file whose checksum {layout.CHECKSUMS} holds"))

    def _skip(self) -> None:
        if self._sums is not None:
            self._sums.readline()

    def _sums_differ(self, name: str) -> None:
        if self._sums_hold:  # one byte may shift all lines that follow
            self._problems.append((layout.CHECKSUMS, f"differs at {name}, which is sound"))
        self._sums_hold = False

    def _check_dataset(self) -> None:
        if layout.DATASET not in self._sizes:
            return self._skip()
        content = self._store.read_bytes(layout.DATASET)
        return self._compare(layout.DATASET, hashlib.sha256(content).hexdigest(), known=sealed.holds(content))

    def _check_card(self) -> None:
        if layout.CARD not in self._sizes:
            return self._skip()
        content = self._store.read_bytes(layout.CARD)
        expected = _card(self._description)
        if self._sums is not None:
            self._compare(layout.CARD, hashlib.sha256(content).hexdigest(), known=content == expected)
        elif expected not in (None, content):
            self._problems.append((layout.CARD, "not the card of this data set"))
        return None

    def _rows(self) -> pq.ParquetFile | None:
        file = self._opened(layout.METADATA)
        if file is None:
            return None
        try:
            found = parquet.open_file(file)
            if found.schema_arrow.equals(SCHEMA):
                return found
            problem = "other columns than those of a data set"
        except parquet.Broken as error:
            problem = f"cannot be read ({error})"
        self._problems.append((layout.METADATA, problem))
        return None

    def _same_rows(self, table: pa.Table) -> bool:
        try:
            return parquet.read_table(self._metadata, groups=[self._groups]).equals(table)
        except parquet.Broken:
            return False

    def _check_metadata(self) -> None:
        if self._metadata is None:
            return
        if self._bad_rows:
            self._problems.append((layout.METADATA, f"other rows than those of {self._bad_rows} shards"))
        if self._metadata.num_row_groups != self._groups:
            self._problems.append(
                (layout.METADATA, f"rows of {self._metadata.num_row_groups} shards; there are {self._groups}")
            )

    def _check_loader_indexes(self) -> None:
        complete = self._description is not None and len(self._tars) == len(self._lengths)
        expected = index.loader_indexes(self._tars, folder.index_name(self._description)) if complete else {}
        for name in layout.INDEXES[1:]:
            if name not in self._sizes:
                self._skip()
                continue
            content = self._store.read_bytes(name)
            sound = expected.get(name) == content
            if expected and not sound:
                self._problems.append((name, "not what the shards' stats give"))
            self._compare(name, hashlib.sha256(content).hexdigest(), known=sound)


def _card(description: Mapping[str, Any] | None) -> bytes | None:
    try:
        return None if description is None else card.render(description).encode()
    except (KeyError, TypeError, AttributeError):
        return None
