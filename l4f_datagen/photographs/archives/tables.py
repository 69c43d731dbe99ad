"""Photographs in Parquet files, as Hugging Face's data sets have them."""

import bisect
import threading
from collections.abc import Sequence
from pathlib import Path, PurePath

from ...errors import UserError
from ...short import short
from ...storage import parquet
from ..picture import limits
from ..source import Photographs, digest_of, relative
from .cells import Cells

_LABELS = frozenset((
    "mask", "masks", "alpha", "alphas", "label", "labels", "annotation", "annotations", "segmentation", "seg",
    "trimap", "matte", "depth", "cutout", "cutouts",
))  # fmt: skip
"""Names of columns whose pictures are labels, not photographs."""


class ParquetImages(Photographs):
    """An image column of Parquet files: encoded bytes, structs with ``bytes``, or paths beside the file.

    Args:
        column: its name; None: the only one that can be meant.
    """

    def __init__(self, paths: Sequence[Path], root: Path, setting: str = "images", column: str | None = None):
        super().__init__()
        self.root = root
        self._groups: list[tuple[Path, int, str]] = []
        self._starts: list[int] = []
        self._count = 0
        for path in paths:
            try:
                file = parquet.open_file(path)
            except (parquet.Broken, OSError) as error:
                raise UserError(
                    f"{setting} {path}", got=f"no readable Parquet file ({error})", expected="a Parquet file",
                    remedy="copy it again",
                ) from error  # fmt: skip
            name = _column(file.schema_arrow, path, setting, column)
            for group in range(file.metadata.num_row_groups):
                self._groups.append((path, group, name))
                self._starts.append(self._count)
                self._count += file.metadata.row_group(group).num_rows
        self._cells = Cells()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def name(self, index: int) -> str:
        group = self._group(index)
        path, number, _ = self._groups[group]
        return f"{path}: row {index - self._starts[group]} of row group {number}"

    def relative_name(self, index: int) -> str:
        path, row = self._row(index)
        return f"{relative(path, self.root)}/{row}"

    def place(self, index: int) -> PurePath:
        path, row = self._row(index)
        return path.relative_to(self.root).with_suffix("") / f"{row:09d}"

    def digest(self) -> str:
        ends = [*self._starts[1:], self._count]
        return digest_of(
            (f"{relative(path, self.root)}/{start}-{end}", path.stat().st_size)
            for (path, *_), start, end in zip(self._groups, self._starts, ends, strict=True)
        )

    def content(self, index: int) -> bytes | Path:
        group = self._group(index)
        path, number, column = self._groups[group]
        with self._lock:
            cell = self._cells.read(path, number, column, index - self._starts[group])
        if isinstance(cell, str):
            named = Path(cell)
            if named.is_absolute() or ".." in named.parts:
                raise ValueError(f"a path that leads elsewhere, {short(cell)}")
            return path.parent / named
        if not cell:
            raise ValueError("no image bytes")
        if len(cell) > limits.max_bytes():
            raise ValueError(f"a cell of {len(cell) >> 20} MiB; {limits.remedy()}")
        return cell

    def _row(self, index: int) -> tuple[Path, int]:
        """The file that holds a picture, and the row there."""
        path, _, _ = self._groups[self._group(index)]
        first = next(start for start, (other, *_) in zip(self._starts, self._groups) if other == path)
        return path, index - first

    def _group(self, index: int) -> int:
        return bisect.bisect_right(self._starts, index) - 1


def has_images(path: Path) -> bool:
    """Whether a Parquet file has a column that could hold pictures."""
    try:
        return bool(_candidates(parquet.open_file(path).schema_arrow))
    except (parquet.Broken, OSError):
        return False


def _candidates(schema) -> list[str]:
    """Columns of encoded bytes, or of structs that hold them."""
    import pyarrow.types as types

    def holds_images(field) -> bool:
        if types.is_struct(field.type):
            return field.type.get_field_index("bytes") >= 0
        return types.is_binary(field.type) or types.is_large_binary(field.type)

    return [field.name for field in schema if holds_images(field)]


def _column(schema, path: Path, setting: str, wanted: str | None) -> str:
    import pyarrow.types as types

    found = _candidates(schema)
    if wanted is not None:
        texts = [field.name for field in schema if types.is_string(field.type) or types.is_large_string(field.type)]
        if wanted in found or wanted in texts:
            return wanted
        raise UserError(
            f"{setting} {path}", got=f"no column {short(wanted)} of images or of their paths",
            expected=f"one of {_few(found + texts) or 'encoded images'}", remedy="check the name after #",
        )  # fmt: skip
    photographs = [name for name in found if name.lower() not in _LABELS]
    if len(photographs) == 1:
        return photographs[0]
    if photographs:
        raise UserError(
            f"{setting} {path}", got=f"columns {_few(photographs)}, each of which could hold the pictures",
            expected="to be told which", remedy=f"write parquet:PATH#{short(photographs[0])}",
        )  # fmt: skip
    raise UserError(
        f"{setting} {path}", got=f"columns {_few(schema.names)}", expected="one of encoded images",
        remedy="name a data set of images, or the column of their paths with parquet:PATH#COLUMN",
    )  # fmt: skip


def _few(names: Sequence[str]) -> str:
    return ", ".join(short(name, 30) for name in names[:10]) + (", …" if len(names) > 10 else "")
