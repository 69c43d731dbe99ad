"""Plain folders: images, masks and alphas under the same stems, and the metadata."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from ...shards.format import layout, schema
from ...storage import atomic
from ..item import Item
from ..target import Plan, Target

_ROWS = 1000
"""Metadata rows that are written at a time."""


class Folder(Target):
    """``images/``, ``masks/``, ``alphas/`` and ``metadata.parquet``; in a folder per image set when there are more.

    ``cutouts/`` beside them, where the data set has any.
    """

    MASK_VALUES: ClassVar = ("01", "palette", "0255")
    NAMES_CLASS: ClassVar = False

    def __init__(self, folder: Path, plan: Plan):
        super().__init__(folder, plan)
        self._has_cutouts = "cutout" in plan.description["settings"].get("save", ())
        for image_set in plan.image_sets:
            for name in ("images", "masks", "alphas", *(["cutouts"] if self._has_cutouts else [])):
                self._create(self._set_folder(image_set), name)
        self._rows = {
            image_set: _Rows(folder / self._set_folder(image_set) / layout.METADATA) for image_set in plan.image_sets
        }

    def add(self, item: Item) -> None:
        """Copy image, alpha and cut-out; write the mask in the values asked for."""
        folder = self.folder / self._set_folder(item.image_set)
        atomic.write_part(folder / "images" / item.image_name, item.image)
        atomic.write_part(folder / "masks" / f"{item.key}.png", item.mask_file(self.mask_values))
        atomic.write_part(folder / "alphas" / f"{item.key}.png", item.alpha_file)
        if self._has_cutouts:
            atomic.write_part(folder / "cutouts" / f"{item.key}.png", item.cutout_file)
        self._rows[item.image_set].add(item.metadata)

    def finish(self) -> None:
        """Write the last rows."""
        for rows in self._rows.values():
            rows.flush()

    def close(self) -> None:
        """Close the Parquet files."""
        for rows in self._rows.values():
            rows.close()

    def contents(self) -> Mapping[str, str]:
        """For the card."""
        where = f"{self._names()}/" if len(self.plan.image_sets) > 1 else ""
        return {
            f"{where}images/": "the images, as they were stored",
            f"{where}masks/": "masks, PNG, under the same stems",
            f"{where}alphas/": "soft masks, PNG, 0 to 255, under the same stems",
            **({f"{where}cutouts/": "foregrounds alone, RGBA, under the same stems"} if self._has_cutouts else {}),
            f"{where}metadata.parquet": "one row per sample; `key` is the stem",
        }


class _Rows:
    """A Parquet file of metadata rows, a thousand in memory at most."""

    def __init__(self, path: Path):
        self._waiting: list[dict[str, Any]] = []
        self._file = atomic.open_part(path)
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: dict[str, Any]) -> None:
        self._waiting.append(row)
        if len(self._waiting) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            table = schema.table(self._waiting)
            self._open(table.schema).write_table(table)
            self._waiting.clear()

    def close(self) -> None:
        with self._file:
            self._open(schema.SCHEMA).close()

    def _open(self, columns: pa.Schema) -> pq.ParquetWriter:
        """What writes; made for these columns where nothing was written before."""
        self._writer = self._writer or pq.ParquetWriter(self._file, columns)
        return self._writer
