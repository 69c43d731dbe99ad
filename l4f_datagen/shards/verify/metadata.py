"""``metadata.parquet`` is compared with the shards, as these are read one after the other."""

import hashlib
import io
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ...storage import parquet
from ..format import layout
from ..format.schema import SCHEMA, is_known, table
from .shard import ShardCheck


class MetadataCheck:
    """Reads the file along with the shards. A bad shard hides none of its problems."""

    def __init__(self, file: BinaryIO):
        self.sha256: str | None = None
        """SHA-256 that a file of these rows has, once closed; None where another version of pyarrow wrote the file."""
        self._file: pq.ParquetFile | None = None
        self._problem = ""
        self._bad = self._groups = 0
        columns = SCHEMA
        try:
            found = parquet.open_file(file)
            if is_known(found.schema_arrow):
                self._file, columns = found, found.schema_arrow
            else:
                self._problem = "other columns than those of a data set"
        except parquet.Broken as error:
            self._problem = f"cannot be read ({error})"
        self._again = _Again(columns)

    def add(self, check: ShardCheck, length: int | None) -> None:
        """Compare the next group of rows with a shard's. If the shard has none that can be read, count them only."""
        if self._file is None:
            return
        try:
            rows = parquet.read_table(self._file, groups=[self._groups])
        except parquet.Broken:
            rows = None
        self._groups += 1
        if rows is None:
            self._bad += 1
            return
        if check.table is not None and check.sound(check.rows_file):
            self._bad += not rows.equals(check.table)
        elif check.rows is not None and check.sound(layout.tar(check.shard)):
            self._bad += not rows.equals(table(check.rows))
        else:
            self._bad += rows.num_rows != (length or rows.num_rows)
        self._again.add(rows)

    def close(self) -> list[str]:
        """Finish. Returns what is wrong, a line each."""
        if self._file is None:
            return [self._problem]
        problems = []
        if self._bad:
            problems.append(f"other rows than those of {self._bad} shards")
        if self._file.num_row_groups != self._groups:
            problems.append(f"rows of {self._file.num_row_groups} shards; there are {self._groups}")
        sha256 = self._again.sha256()
        if not problems and self._file.metadata.created_by == _created_by():
            self.sha256 = sha256
        return problems


class _Again:
    """Writes the same rows once more, to nowhere, for the checksum that they should have. A file to pyarrow."""

    closed = False

    def __init__(self, columns: pa.Schema):
        self._digest, self._size = hashlib.sha256(), 0
        self._writer = pq.ParquetWriter(self, columns)

    def add(self, rows: pa.Table) -> None:
        self._writer.write_table(rows)

    def sha256(self) -> str:
        self._writer.close()
        return self._digest.hexdigest()

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        self._size += len(content)
        return len(content)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def _created_by() -> str:
    """How this version of pyarrow signs its files. Other versions may write the same rows as other bytes."""
    file = io.BytesIO()
    pq.write_table(pa.table({}), file)
    return parquet.open_file(file.getvalue()).metadata.created_by
