"""``NNNNN.parquet``: the metadata rows of a shard."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...storage import parquet
from ...storage.store import Store
from .. import naming
from ..damage import Damaged
from .schema import CLASS, is_known

SHARES = ("mask_area", "decisiveness", "stability")
"""Columns of scores, which lie in [0, 1]."""


def read(store: Store, shard: int, samples: int, *, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of a shard, as many as it has samples.

    Args:
        columns: default: all. "class" is left out where there is no such column.

    Raises:
        Damaged: they cannot be read, or are not those of this shard.
    """
    name = naming.rows_of(store, shard)
    try:
        file = parquet.open_file(store.read_bytes(name))
        if not is_known(file.schema_arrow):
            raise Damaged(store.where(name), "other columns than those of a data set")
        if file.metadata.num_rows != samples:
            raise Damaged(store.where(name), f"{file.metadata.num_rows} rows; the shard has {samples} samples")
        if columns is not None and CLASS.name not in file.schema_arrow.names:
            columns = [name for name in columns if name != CLASS.name]
        table = parquet.read_table(file, columns=columns)
    except parquet.Broken as error:
        raise Damaged(store.where(name), error) from error
    except FileNotFoundError:
        raise Damaged(store.where(name), "missing") from None
    if any(column.null_count for column in table.columns):
        raise Damaged(store.where(name), "rows with empty cells")
    for score in SHARES:
        if score in table.column_names and not _within(parquet.numbers(table[score]), 1):
            raise Damaged(store.where(name), f"{score} outside [0, 1]")
    if "components" in table.column_names and not _within(parquet.numbers(table["components"]), 2**31):
        raise Damaged(store.where(name), "a number of components below 0")
    return table


def _within(values: np.ndarray, most: float) -> bool:
    return not len(values) or bool(values.min() >= 0 and values.max() <= most)
