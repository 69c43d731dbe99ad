"""Parquet files, read in the thread that asks and within bounds.

Whoever reads a Parquet file of the package does it here. pyarrow's own readers start threads that are still there when
the interpreter ends, and about one process in fifty is then aborted after its work is done; a read of a whole file
(``pyarrow.parquet.read_table``) starts them even when it is told not to.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..short import short

MOST_BYTES = 512 << 20
"""The most bytes that a table may take in memory, where equal cells take far more room than in the file."""
NUMPY = {pa.int32(): np.int32, pa.int64(): np.int64, pa.float64(): np.float64}
"""Types of numbers, as numpy calls them."""
_MOST_ROWS = 1 << 16  # of a batch


class Broken(ValueError):
    """A file is no Parquet file, is damaged, or takes too much memory. Says why in one line."""


def open_file(source: str | Path | bytes | BinaryIO) -> pq.ParquetFile:
    """Read the head of a file: its schema and its groups of rows. ``bytes`` are taken for a file's content.

    Raises:
        Broken: it cannot be read.
        FileNotFoundError: there is none.
    """
    try:
        return pq.ParquetFile(pa.BufferReader(source) if isinstance(source, bytes) else source, pre_buffer=False)
    except FileNotFoundError:
        raise
    except _ERRORS as error:
        raise Broken(_line(error)) from error


def read_table(
    source: str | Path | bytes | BinaryIO | pq.ParquetFile,
    *,
    groups: Sequence[int] | None = None,
    columns: Sequence[str] | None = None,
    most_bytes: int = MOST_BYTES,
) -> pa.Table:
    """Read the rows of a file, or of some of its groups, and check every value.

    Args:
        source: what ``open_file`` takes, or what it returned.
        columns: names of the columns to read; default: all.

    Raises:
        Broken: it cannot be read, has no such column or group, or takes more than ``most_bytes`` in memory.
        FileNotFoundError: there is none.
    """
    file = source if isinstance(source, pq.ParquetFile) else open_file(source)
    absent = [name for name in columns or () if name not in file.schema_arrow.names]
    if absent:
        raise Broken(f"no column {', '.join(absent)}")
    there = range(file.metadata.num_row_groups)
    if groups is not None and not set(groups) <= set(there):
        raise Broken(f"{len(there)} groups of rows; the one with number {max(groups)} is wanted")
    wanted = list(there if groups is None else groups)
    try:
        batches, size = [], 0
        options: dict[str, Any] = {"columns": columns, "row_groups": wanted, "use_threads": False}
        for batch in file.iter_batches(_rows_at_a_time(file, wanted, most_bytes), **options):
            size += batch.nbytes
            if size > most_bytes:
                raise Broken(f"its rows take more than {most_bytes >> 20} MiB")
            batches.append(batch)
        table = pa.Table.from_batches(batches, schema=_schema(file, columns))
        table.validate(full=True)
        return table
    except _ERRORS as error:
        raise error if isinstance(error, Broken) else Broken(_line(error)) from error


def batches(file: pq.ParquetFile, *, group: int, column: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Read a column of a group, ``rows`` rows at a time; no more of them are in memory at once.

    Raises:
        Broken: it cannot be read.
    """
    try:
        yield from file.iter_batches(rows, row_groups=[group], columns=[column], use_threads=False)
    except _ERRORS as error:
        raise Broken(_line(error)) from error


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """The values of a column of numbers or truth values that has no empty cells, as an array of its length.

    pyarrow's own conversion imports pandas where it is installed, which takes half a second.
    """
    kind = np.dtype(bool if column.type == pa.bool_() else NUMPY[column.type])
    return np.concatenate([np.empty(0, kind), *(_numbers(chunk) for chunk in column.chunks)])


def _numbers(array: pa.Array) -> np.ndarray:
    values = array.buffers()[1]
    if array.type == pa.bool_():
        bits = np.unpackbits(np.frombuffer(values, np.uint8), bitorder="little")
        return bits[array.offset : array.offset + len(array)].astype(bool)
    return np.frombuffer(values, NUMPY[array.type])[array.offset : array.offset + len(array)]


def column_sizes(file: pq.ParquetFile, group: int, column: str) -> tuple[int, int, bool]:
    """Bytes of a column in the file, its bytes unpacked, and whether equal cells may share them, so that it needs more.

    Raises:
        Broken: the file's head is damaged.
    """
    try:
        chunks = file.metadata.row_group(group)
        columns = [chunks.column(number) for number in range(chunks.num_columns)]
        own = [chunk for chunk in columns if chunk.path_in_schema.split(".")[0] == column] or columns
        repeats = any("DICTIONARY" in encoding for chunk in own for encoding in chunk.encodings)
        packed = sum(max(0, chunk.total_compressed_size) for chunk in own)
        return packed, sum(max(0, chunk.total_uncompressed_size) for chunk in own), repeats
    except _ERRORS as error:
        raise Broken(_line(error)) from error


_ERRORS = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError, MemoryError, OverflowError)
"""Errors that pyarrow raises for damaged files."""


def _schema(file: pq.ParquetFile, columns: Sequence[str] | None) -> pa.Schema:
    schema = file.schema_arrow
    wanted = [schema.field(name) for name in (schema.names if columns is None else columns)]
    return pa.schema(wanted, metadata=schema.metadata)


def _rows_at_a_time(file: pq.ParquetFile, groups: Sequence[int], most_bytes: int) -> int:
    """How many rows fit into ``most_bytes`` even if one row held all the bytes of its group."""
    metadata, largest = file.metadata, 1
    for group in groups:
        columns = metadata.row_group(group)
        sizes = [columns.column(number).total_uncompressed_size for number in range(columns.num_columns)]
        largest = max(largest, sum(sizes))
    return max(1, min(_MOST_ROWS, most_bytes // largest))


def _line(error: Exception) -> str:
    return short(error, 100)
