"""The metadata row of a sample, declared once: the writer, the reader and the card import it."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ...short import short
from ...storage.parquet import NUMPY


class Column(NamedTuple):
    """A key of KEY.json and a column of the Parquet files. It is never null."""

    name: str
    type: pa.DataType
    meaning: str


COLUMNS = (
    Column("key", pa.string(), "nine digits, the global sample index"),
    Column("shard", pa.int32(), "shard that holds the sample"),
    Column("index", pa.int64(), "global sample index"),
    Column("seed", pa.int64(), "seed of the data set"),
    Column("foreground_code", pa.int64(), "index of the foreground's latent code in its stream"),
    Column("background_code", pa.int64(), "index of the background's latent code, or of its image, in its stream"),
    Column("candidate", pa.int32(), "candidates rejected before it: which of the codes of its index it has"),
    Column("background_source", pa.string(), '"generator", or the image or world that the background is from'),
    Column("psi", pa.float64(), "truncation of the foreground"),
    Column("background_psi", pa.float64(), "truncation of the background"),
    Column("threshold", pa.float64(), "alpha from which a pixel is foreground"),
    Column("height", pa.int32(), "pixels"),
    Column("width", pa.int32(), "pixels"),
    Column("mask_area", pa.float64(), "share of the pixels that are foreground, [0, 1]"),
    Column("bounding_box", pa.list_(pa.int32()), "x, y, width, height in pixels; zeros for an empty mask"),
    Column("components", pa.int32(), "connected components of the mask (8 neighbours)"),
    Column("touches_border", pa.bool_(), "whether the mask reaches the image's border"),
    Column("decisiveness", pa.float64(), "mean |2·alpha − 1|, [0, 1]; 1 = every pixel 0 or 1"),
    Column("stability", pa.float64(), "IoU of the masks at threshold ± 0.1 (kept in [0.05, 0.95]), [0, 1]"),
)
"""Columns of every data set."""
CLASS = Column("class", pa.int32(), "class of the foreground, of those that a class-conditional generator has")
"""The last column of data sets of class-conditional generators, which no other has."""
CLASSES = "classes"
"""The entry of ``dataset.json`` that names the classes there are, such as "0-2,7"; others have none."""
_ALL = (*COLUMNS, CLASS)
SCHEMA = pa.schema([pa.field(column.name, column.type, nullable=False) for column in COLUMNS])
_SCHEMAS = (SCHEMA, SCHEMA.append(pa.field(CLASS.name, CLASS.type, nullable=False)))


def schema_of(row: Iterable[str]) -> pa.Schema:
    """The schema of a row with these keys.

    Raises:
        ValueError: there is none.
    """
    names = list(row)
    for schema in _SCHEMAS:
        if names == schema.names:
            return schema
    raise ValueError(f"metadata keys are {names}; expected {SCHEMA.names}")


def is_known(found: pa.Schema) -> bool:
    """Whether a Parquet file has the columns of a data set."""
    return any(found.equals(schema) for schema in _SCHEMAS)


def table(rows: list[dict[str, object]]) -> pa.Table:
    """Rows as a table of their schema, which is the same for all.

    Raises:
        ValueError: a row lacks a key, has another one, or a null.
    """
    schema = schema_of(rows[0]) if rows else SCHEMA
    names = schema.names
    for row in rows:
        if list(row) != names or None in row.values():
            raise ValueError(f"metadata keys are {list(row)}; expected {names}, none null")
    columns = [_array([row[name] for row in rows], column) for name, column in zip(names, _ALL, strict=False)]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: list[Any], column: Column) -> pa.Array:
    """The values of a column. pyarrow's own conversion imports pandas where it is installed: half a second."""
    kind = column.type
    if kind == pa.string():
        texts = [value.encode() for value in values]
        return pa.Array.from_buffers(kind, len(values), [None, _offsets(texts), pa.py_buffer(b"".join(texts))])
    if kind == pa.bool_():
        bits = np.packbits(np.array(values, np.bool_), bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(bits)])
    if kind in NUMPY:
        numbers = np.array(values, None if values else NUMPY[kind])
        if not np.can_cast(numbers.dtype, NUMPY[kind], "same_kind"):
            raise ValueError(f"{short(values[:3])} … for {column.name}, which holds {kind}")
        held = numbers.astype(NUMPY[kind])
        if numbers.dtype.kind != "f" and not np.array_equal(held, numbers):
            raise ValueError(f"a number for {column.name} is out of the range of {kind}")
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(held)])
    parts = _array([number for value in values for number in value], Column(column.name, kind.value_type, ""))
    return pa.Array.from_buffers(kind, len(values), [None, _offsets(values)], children=[parts])


def _offsets(parts: Sequence[Sized]) -> pa.Buffer:
    """Where each part begins among all of them, and where the last one ends."""
    return pa.py_buffer(np.cumsum([0, *map(len, parts)], dtype=np.int32))


_PYTHON = {pa.string(): str, pa.int32(): int, pa.int64(): int, pa.float64(): (float, int), pa.bool_(): bool}
_KINDS = tuple((column.name, _PYTHON.get(column.type, list), column.type == pa.bool_()) for column in _ALL)


def check(row: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    """Raise ValueError unless a row has every key, each of the right type, and fits a mask of this shape (H, W)."""
    for name, kind, is_bool in _KINDS[: len(_KINDS) - (CLASS.name not in row)]:
        value = row.get(name)
        if not isinstance(value, kind) or isinstance(value, bool) != is_bool:
            said = f"its metadata say {short(value)} for {name}" if name in row else f"no {name} in its metadata"
            raise ValueError(said)
    box = row["bounding_box"]
    if len(box) != 4 or any(type(number) is not int for number in box):
        raise ValueError(f"its metadata say {short(box)} for bounding_box")
    if shape != (size := (row["height"], row["width"])):
        raise ValueError(f"its mask has {shape[0]}×{shape[1]} pixels; its metadata say {size[0]}×{size[1]}")
