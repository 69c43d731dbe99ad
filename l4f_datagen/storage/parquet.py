"""Parquet files, read in the thread that asks and within bounds.

Whoever reads a Parquet file of the package does it here. pyarrow's own readers start threads that are still there when
the interpreter ends, and about one process in fifty is then aborted after its work is done; a read of a whole file
(``pyarrow.parquet.read_table``) starts them even when it is told not to.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ..short import short

MOST_BYTES = 512 << 20
"""Of a table in memory: equal cells take next to nothing in a file, and all of their bytes here."""
_MOST_ROWS = 1 << 16  # of a batch


class Broken(ValueError):
    """What is read is no Parquet file, damaged, or takes too much memory; says why in one line."""


def open_file(source: str | Path | bytes | BinaryIO) -> pq.ParquetFile:
    """The head of a file: its schema and what groups of rows it has. ``bytes`` are the content of one.

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
    """The rows of a file, or of some of its groups, every value looked at.

    Args:
        source: as ``open_file`` takes it, or what that gave.
        columns: those that are wanted; default: all.

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
    """A column of a group of rows, ``rows`` at a time; so many are in memory at once.

    Raises:
        Broken: it cannot be read.
    """
    try:
        yield from file.iter_batches(rows, row_groups=[group], columns=[column], use_threads=False)
    except _ERRORS as error:
        raise Broken(_line(error)) from error


def column_sizes(file: pq.ParquetFile, group: int, column: str) -> tuple[int, int, bool]:
    """Bytes of a column in the file, and unpacked; and whether its cells may share bytes, so that all take more.

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
"""What pyarrow raises of files that are damaged."""


def _schema(file: pq.ParquetFile, columns: Sequence[str] | None) -> pa.Schema:
    schema = file.schema_arrow
    wanted = [schema.field(name) for name in (schema.names if columns is None else columns)]
    return pa.schema(wanted, metadata=schema.metadata)


def _rows_at_a_time(file: pq.ParquetFile, groups: Sequence[int], most_bytes: int) -> int:
    """So few rows that they take no more than ``most_bytes``, were each as large as a whole column of its group."""
    metadata, largest = file.metadata, 1
    for group in groups:
        columns = metadata.row_group(group)
        sizes = [columns.column(number).total_uncompressed_size for number in range(columns.num_columns)]
        largest = max(largest, sum(sizes))
    return max(1, min(_MOST_ROWS, most_bytes // largest))


def _line(error: Exception) -> str:
    return short(error, 100)
