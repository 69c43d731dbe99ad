"""Hugging Face Parquet: images, masks and metadata as columns, for ``datasets.load_dataset``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from ...shards.format import card
from ...shards.format.schema import schema_of
from ...storage import atomic
from ..item import Item
from ..target import Plan, Target, in_braces

ROWS, ROW_BYTES = 100, 32 << 20
"""A row group ends with whatever comes first, so that single rows can be read and memory stays flat."""
FILE_BYTES = 500 << 20

_SPLITS = {"train": "train", "val": "validation", "test": "test", "default": "train"}
"""Hugging Face's names."""
_IMAGES = ("image", "mask", "alpha")
_IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
# Without it the columns would be read as structs; all other columns are what Parquet says.
_FEATURES = {"huggingface": json.dumps({"info": {"features": {name: {"_type": "Image"} for name in _IMAGES}}})}
COLUMNS = [pa.field(name, _IMAGE) for name in _IMAGES]
"""Before those of the metadata."""


class HfParquet(Target):
    """``data/SPLIT-NNNNN-of-NNNNN.parquet`` and a card that names the splits."""

    MASK_VALUES: ClassVar = ("01", "palette", "0255")
    NAMES_CLASS: ClassVar = False

    def __init__(self, folder: Path, plan: Plan):
        super().__init__(folder, plan)
        data = self._create("data")
        self._files = {name: _Files(data, _SPLITS[name]) for name in plan.image_sets}

    def add(self, item: Item) -> None:
        """Copy image and alpha; write the mask in the values asked for."""
        contents = {
            "image": (item.image, item.image_name),
            "mask": (item.mask_file(self.mask_values), f"{item.key}.png"),
            "alpha": (item.alpha_file, f"{item.key}.png"),
        }
        row = {name: {"bytes": content, "path": path} for name, (content, path) in contents.items()}
        size = sum(len(content) for content, _ in contents.values())
        self._files[item.image_set].add(row | item.metadata, size)

    def finish(self) -> None:
        """Write what is waiting; name the files by their number."""
        for files in self._files.values():
            files.finish()

    def close(self) -> None:
        """Close the files."""
        for files in self._files.values():
            files.close()

    def contents(self) -> Mapping[str, str]:
        """For the card."""
        names = in_braces(self._splits())
        return {f"data/{names}-*.parquet": f"columns `{'`, `'.join(_IMAGES)}`, which are images, and the metadata"}

    def header(self) -> str:
        """The block that names the splits' files."""
        patterns = {name: f"data/{name}-*.parquet" for name in self._splits()}
        return card.front_matter(self.plan.description, patterns) + "\n"

    def _splits(self) -> list[str]:
        """Those that have samples: to datasets, others are an error."""
        return [files.split for files in self._files.values() if files.count]


class _Files:
    """The files of one split; one is open at a time, one row group at most in memory."""

    def __init__(self, folder: Path, split: str):
        self._folder, self.split = folder, split
        self._rows: list[dict[str, Any]] = []
        self._row_bytes = self._file_bytes = self.count = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: dict[str, Any], size: int) -> None:
        self._rows.append(row)
        self._row_bytes += size
        if len(self._rows) >= ROWS or self._row_bytes >= ROW_BYTES:
            self._flush()
        if self._file_bytes >= FILE_BYTES:
            self.close()

    def finish(self) -> None:
        if self._rows:
            self._flush()
        self.close()
        for number in range(self.count):
            self._path(number).rename(self._folder / f"{self.split}-{number:05d}-of-{self.count:05d}.parquet")

    def close(self) -> None:
        writer, self._writer, self._file_bytes = self._writer, None, 0
        if writer:
            with self._file:
                writer.close()

    def _flush(self) -> None:
        of_metadata = schema_of(name for name in self._rows[0] if name not in _IMAGES)
        columns = pa.schema([*COLUMNS, *of_metadata], metadata=_FEATURES)
        self._writer = self._writer or self._open(columns, of_metadata)
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=columns))
        self._file_bytes += self._row_bytes
        self._rows, self._row_bytes = [], 0

    def _open(self, columns: pa.Schema, compared: pa.Schema) -> pq.ParquetWriter:
        path = self._path(self.count)
        self.count += 1
        # Images neither compress, nor repeat, nor have a least and a greatest.
        self._file = atomic.open_part(path)
        return pq.ParquetWriter(
            self._file, columns, compression="NONE", use_dictionary=False, write_statistics=compared.names
        )

    def _path(self, number: int) -> Path:
        return self._folder / f"{self.split}-{number:05d}.parquet"
