"""Reads single cells of Parquet files, however large the row group around them is."""

import hashlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...storage import parquet

_KEPT_BYTES = 256 << 20
"""Bytes of row groups that are kept in memory; a group that is larger is written into a temporary file once."""
_BATCH_BYTES, _BATCH_ROWS = 64 << 20, 1024
_UNPACKED_FACTOR, _UNPACKED_LEAST = 20, 256 << 20
"""A column may unpack to this many times its size in the file, or to this many bytes. Pictures hardly shrink; what
unpacks to more is an attack or a mistake."""

Cell = bytes | str | None


class Cells:
    """Cells by file, row group, column and row. One thread may use it at a time."""

    def __init__(self):
        self._kept: OrderedDict[tuple[Path, int, str], list[Cell] | _Spooled] = OrderedDict()
        self._sizes: dict[tuple[Path, int, str], int] = {}

    def read(self, path: Path, group: int, column: str, row: int) -> Cell:
        """A cell: encoded bytes, a path as text, or None.

        Raises:
            ValueError, OSError: the file is broken, or the group would not fit anywhere.
        """
        key = path, group, column
        if key not in self._kept:
            self._kept[key], self._sizes[key] = _load(path, group, column)
            while len(self._kept) > 1 and sum(self._sizes[other] for other in self._kept) > _KEPT_BYTES:
                oldest, _ = self._kept.popitem(last=False)
                del self._sizes[oldest]
        self._kept.move_to_end(key)
        return self._kept[key][row]


class _Spooled:
    """Cells in a temporary file without a name; a cell that occurs again is stored once."""

    def __init__(self, cells: Iterator[Cell]):
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115, kept for reading
        self._places: list[tuple[int, int] | str | None] = []
        known: dict[bytes, tuple[int, int]] = {}
        last = None
        for cell in cells:
            if not isinstance(cell, bytes):
                last = None
                self._places.append(cell)
                continue
            if cell == last:  # the most usual case of equal ones, and much quicker
                self._places.append(self._places[-1])
                continue
            last, name = cell, hashlib.sha256(cell).digest()
            if name not in known:
                known[name] = self._file.tell(), len(cell)
                self._file.write(cell)
            self._places.append(known[name])
        self._file.flush()

    def __getitem__(self, row: int) -> Cell:
        place = self._places[row]
        return os.pread(self._file.fileno(), place[1], place[0]) if isinstance(place, tuple) else place


def _load(path: Path, group: int, column: str) -> tuple[list[Cell] | _Spooled, int]:
    """The cells of a row group, and an upper bound of the memory that they take, in bytes."""
    file = parquet.open_file(path)
    rows = file.metadata.row_group(group).num_rows
    packed, unpacked, repeats = parquet.column_sizes(file, group, column)
    if unpacked > max(_UNPACKED_LEAST, _UNPACKED_FACTOR * packed):
        raise ValueError(f"a column that unpacks from {packed >> 10} KiB to {unpacked >> 20} MiB")
    most = unpacked * rows if repeats else unpacked
    share = unpacked if repeats else unpacked // max(1, rows)
    batch_rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, share)))
    cells = _cells(parquet.batches(file, group=group, column=column, rows=batch_rows))
    if most <= _KEPT_BYTES:
        return list(cells), most
    return _Spooled(cells), 0


def _cells(batches: Iterator) -> Iterator[Cell]:
    for batch in batches:
        for value in batch.column(0):
            yield _cell(value.as_py())


def _cell(value: object) -> Cell:
    if isinstance(value, dict):
        content = value.get("bytes")
        return value.get("path") if content is None else content
    return value if isinstance(value, (bytes, str)) else None
