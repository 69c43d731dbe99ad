"""Labelled images in Parquet files, as Hugging Face's data sets have them: a column of images, one of masks."""

import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import UserError
from ...photographs.archives.cells import Cells
from ...photographs.left_out import LeftOut
from ...photographs.picture import limits
from ...short import short
from ...storage import parquet
from . import pairing
from .file import File
from .layouts import Layout

_IMAGES = ("image", "img", "images", "jpg", "picture", "photo")
_MASKS = (
    "mask", "label", "labels", "masks", "segmentation_mask", "segmentation", "semantic_segmentation", "annotation",
    "annotations", "seg", "gt", "ground_truth", "trimap",
)  # fmt: skip
_ALPHAS = ("alpha", "matte")
_KEY = "key"


def layout_of(paths: Sequence[Path], where: str) -> Layout:
    """Images, masks and soft masks of the rows.

    Raises:
        UserError: a file cannot be read, or its columns do not tell which is which.
    """
    cells, lock = Cells(), threading.Lock()
    kinds: dict[str, dict[str, File]] = {"image": {}, "mask": {}, "alpha": {}}
    for path in paths:
        try:
            file = parquet.open_file(path)
            columns = _columns(file.schema_arrow, path)
            keys = _keys(file, len(kinds["image"]), several=len(paths) > 1, path=path)
        except (parquet.Broken, OSError) as error:
            raise UserError(
                str(path), got=f"no readable Parquet file ({error})", expected="a Parquet file", remedy="copy it again"
            ) from error
        number = 0
        for group in range(file.metadata.num_row_groups):
            for row in range(file.metadata.row_group(group).num_rows):
                key = keys[number]
                for kind, column in columns.items():
                    content = _Cell(cells, lock, path, group, column, row)
                    label = f"{path}: row {number}, column {short(column, 30)}"
                    if key in kinds[kind]:
                        raise UserError(
                            where, got=f"two rows of the key {short(key)}", expected="a key of its own for each",
                            remedy="mend the column key",
                        )  # fmt: skip
                    kinds[kind][key] = File(key, "", label, 0, content)
                number += 1
    if not kinds["image"]:
        raise UserError(where, got="Parquet files without rows", expected="labelled images", remedy="check the files")
    return Layout(kinds["image"], kinds["mask"], kinds["alpha"] or None, where, LeftOut())


class _Cell:
    """One cell's bytes, read when they are asked for."""

    def __init__(self, cells: Cells, lock: threading.Lock, path: Path, group: int, column: str, row: int):
        self._cells, self._lock, self._place = cells, lock, (path, group, column, row)

    def __call__(self) -> bytes | Path:
        with self._lock:
            cell = self._cells.read(*self._place)
        if isinstance(cell, str):
            named = PurePosixPath(cell)
            if named.is_absolute() or ".." in named.parts:
                raise ValueError(f"a path that leads elsewhere, {short(cell)}")
            return self._place[0].parent / named
        if not cell:
            raise ValueError("an empty cell")
        if len(cell) > limits.max_bytes():
            raise ValueError(f"a cell of {len(cell) >> 20} MiB; {limits.remedy()}")
        return cell


def _keys(file: Any, start: int, *, several: bool, path: Path) -> list[str]:
    """Names of the rows: the column ``key`` if there is one, else numbers."""
    import pyarrow.types as types

    rows, schema = file.metadata.num_rows, file.schema_arrow
    if _KEY in schema.names and types.is_string(schema.field(_KEY).type):
        keys = parquet.read_table(file, columns=[_KEY])[_KEY].to_pylist()
        return [pairing.without_extension(key) if key else f"{start + n:09d}" for n, key in enumerate(keys)]
    return [f"{start + number:09d}" for number in range(rows)]


def _columns(schema: Any, path: Path) -> dict[str, str]:
    """Which columns hold images, masks and soft masks."""
    there = holding_pictures(schema)
    lowered = {name.lower(): name for name in there}
    chosen = {
        kind: next((lowered[name] for name in wanted if name in lowered), None)
        for kind, wanted in (("image", _IMAGES), ("mask", _MASKS), ("alpha", _ALPHAS))
    }
    left = [name for name in there if name not in chosen.values()]
    if chosen["image"] is None and chosen["mask"] is not None and len(left) == 1:
        chosen["image"] = left[0]
    if chosen["mask"] is None and len(left) == 1 and pairing.is_mask_name(f"x_{left[0]}"):
        chosen["mask"] = left[0]
    if chosen["image"] is None or chosen["mask"] is None:
        raise UserError(
            str(path), got=f"columns {', '.join(short(name, 30) for name in schema.names[:10]) or 'of no name'}",
            expected="one of images and one of masks, called image and mask",
            remedy="rename the columns",
        )  # fmt: skip
    return {kind: name for kind, name in chosen.items() if name is not None}


def holding_pictures(schema: Any) -> list[str]:
    """Columns of encoded bytes, or of structs that hold them."""
    import pyarrow.types as types

    def holds(kind: Any) -> bool:
        if types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0
        return types.is_binary(kind) or types.is_large_binary(kind)

    return [field.name for field in schema if holds(field.type)]


def has_masks(path: Path) -> bool:
    """Whether a Parquet file holds images and masks, as far as its columns say."""
    try:
        return len(holding_pictures(parquet.open_file(path).schema_arrow)) > 1
    except (parquet.Broken, OSError):
        return False
