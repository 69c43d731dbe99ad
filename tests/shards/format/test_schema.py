"""Metadata rows as tables: what pyarrow would make of them, without what pyarrow imports for it."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from l4f_datagen.shards.format import schema
from l4f_datagen.storage import parquet

VALUES = {
    pa.string(): lambda number: "ü✓" * (number % 3),
    pa.int32(): lambda number: number - 2,
    pa.int64(): lambda number: 2**40 * number,
    pa.float64(): lambda number: number / 3,
    pa.bool_(): lambda number: number % 3 == 0,
    pa.list_(pa.int32()): lambda number: [number, 1, 2, 3][: number % 5],
}


def made(count):
    return [{column.name: VALUES[column.type](number) for column in schema.COLUMNS} for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 9, 100])
def test_rows_become_the_table_that_pyarrow_makes(count):
    table = schema.table(made(count))
    table.validate(full=True)
    assert table.equals(pa.Table.from_pylist(made(count), schema=schema.SCHEMA))
    assert not any(column.null_count for column in table.columns)


@pytest.mark.parametrize(
    ("name", "value"),
    [("height", 2**31), ("index", 2**63), ("index", 1.5), ("shard", "1"), ("psi", "1"), ("bounding_box", [2**31] * 4)],
)
def test_what_does_not_fit_a_column_is_refused(name, value):
    rows = made(3)
    rows[1][name] = value
    with pytest.raises(ValueError, match=name):
        schema.table(rows)


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float64(), pa.bool_()])
def test_numbers_of_columns(kind):
    values = [VALUES[kind](number) for number in range(70)]
    whole = pa.array(values, kind)
    pieces = [whole.slice(0, 3), whole.slice(3, 0), whole.slice(3, 22), whole.slice(25)]
    for column, expected in ((pa.chunked_array(pieces), values), (pa.chunked_array([], kind), [])):
        found = parquet.numbers(column)
        assert found.tolist() == expected and found.dtype == np.asarray(values, whole.to_numpy(False).dtype).dtype


def test_pandas_is_not_imported():
    pytest.importorskip("pandas")
    program = f"""
import io, sys
import pyarrow.parquet
from l4f_datagen.shards.format import schema
from l4f_datagen.storage import parquet
file = io.BytesIO()
pyarrow.parquet.write_table(schema.table({made(9)!r}), file)
table = parquet.read_table(file.getvalue())
assert len(table.to_pylist()) == len(parquet.numbers(table["mask_area"])) == 9
print("pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
