"""Where images lie: folders, tar files or Parquet files; each a numbered list of pictures."""

import bisect
import glob
import hashlib
import io
import os
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import UserError

EXTENSIONS = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff")
_GROUPS_BYTES = 1 << 30
"""Row groups of Parquet files that are kept at a time, encoded."""


class Source(Protocol):
    """A numbered list of pictures. ``read`` may be called from several threads."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What a person would look for."""

    def relative_name(self, index: int) -> str:
        """The name below the folder where all of them lie: the same wherever that folder is."""

    def digest(self) -> str:
        """SHA-256 over names and sizes: other images have another one. Reads no image."""

    def read(self, index: int, size: int) -> np.ndarray:
        """RGB uint8 H×W×3 in its own size; what is drawn is drawn at ``size``.

        Raises:
            OSError, ValueError: it is broken.
        """


def open_images(images: str, *, setting: str = "images", kinds: Sequence[str] = ("folder", "tar", "parquet")) -> Source:
    """The images of a path.

    Args:
        images: a folder of any nesting; a folder of tars, or a tar file or pattern; a folder of Parquet
            files with an image column.
        setting: what errors call it.
        kinds: what it may be.

    Raises:
        UserError: there is nothing of the kind, or no image in it.
    """
    path = Path(images).expanduser()
    if path.is_dir():
        found = {kind: _below(path, kind) for kind in ("tar", "parquet") if kind in kinds}
        packed = next((kind for kind, paths in found.items() if paths), None)
        if packed or "folder" in kinds:
            source = _PACKED[packed](found[packed], path, setting) if packed else FolderImages(path)
            return _not_empty(source, images, setting)
        paths = []
    else:
        paths = [path] if path.is_file() else sorted(Path(p) for p in glob.glob(str(path), recursive=True))
        root = Path(os.path.commonpath([p.parent for p in paths])) if paths else path
        for kind in ("tar", "parquet"):
            if kind in kinds and paths and all(p.suffix == f".{kind}" for p in paths):
                return _not_empty(_PACKED[kind](paths, root, setting), images, setting)
    names = {"folder": "a folder of images", "tar": "tar files", "parquet": "Parquet files"}
    raise UserError(
        setting, got=f"{images}, which is {'nothing of the kind' if paths or path.is_dir() else 'not there'}",
        expected=" or ".join(names[kind] for kind in kinds), remedy="check the path",
    )  # fmt: skip


class FolderImages:
    """Image files below a folder, in the order of their paths."""

    def __init__(self, folder: Path):
        self.root = folder
        found = (p for p in folder.rglob("*") if p.suffix[1:].lower() in EXTENSIONS and not p.name.startswith("."))
        self.paths = sorted(path for path in found if path.is_file())

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        return str(self.paths[index])

    def relative_name(self, index: int) -> str:
        return _relative(self.paths[index], self.root)

    def digest(self) -> str:
        return _digest((_relative(path, self.root), path.stat().st_size) for path in self.paths)

    def read(self, index: int, size: int) -> np.ndarray:
        return decode(self.paths[index].read_bytes())


class TarImages:
    """The image of every WebDataset sample: the members KEY.jpg, KEY.png, …, not KEY.mask.png and the like.

    Reads the headers once and then goes straight to each member.
    """

    def __init__(self, paths: Sequence[Path], root: Path, setting: str = "images"):
        self.root = root
        self.members: list[tuple[Path, str, int, int]] = []
        for path in paths:
            try:
                with tarfile.open(path, "r:") as archive:
                    for member in archive:
                        extension = Path(member.name).name.partition(".")[2]
                        if member.isfile() and extension.lower() in EXTENSIONS:
                            self.members.append((path, member.name, member.offset_data, member.size))
            except (tarfile.TarError, OSError) as error:
                raise UserError(
                    f"{setting} {path}", got=f"no whole tar file ({error})", expected="an uncompressed tar",
                    remedy="copy it again",
                ) from error  # fmt: skip

    def __len__(self) -> int:
        return len(self.members)

    def name(self, index: int) -> str:
        return f"{self.members[index][0]}: {self.members[index][1]}"

    def relative_name(self, index: int) -> str:
        path, member, _, _ = self.members[index]
        return f"{_relative(path, self.root)}/{_text(member)}"

    def digest(self) -> str:
        return _digest((self.relative_name(index), size) for index, (*_, size) in enumerate(self.members))

    def read(self, index: int, size: int) -> np.ndarray:
        path, _, offset, length = self.members[index]
        with path.open("rb") as file:
            file.seek(offset)
            return decode(file.read(length))


class ParquetImages:
    """The image column of Hugging Face's Parquet files: encoded bytes, or structs with ``bytes``.

    A row group is read as a whole; the groups read last are kept.
    """

    def __init__(self, paths: Sequence[Path], root: Path, setting: str = "images"):
        from .. import parquet

        self.root = root
        self._groups: list[tuple[Path, int, str]] = []
        self._starts, self._count = [], 0
        for path in paths:
            try:
                file = parquet.open_file(path)
            except (parquet.Broken, OSError) as error:
                raise UserError(
                    f"{setting} {path}", got=f"no readable Parquet file ({error})", expected="a Parquet file",
                    remedy="copy it again",
                ) from error  # fmt: skip
            column = _image_column(file.schema_arrow, path, setting)
            for group in range(file.metadata.num_row_groups):
                self._groups.append((path, group, column))
                self._starts.append(self._count)
                self._count += file.metadata.row_group(group).num_rows
        self._kept: OrderedDict[int, list[bytes | None]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def name(self, index: int) -> str:
        group = bisect.bisect_right(self._starts, index) - 1
        path, number, _ = self._groups[group]
        return f"{path}: row {index - self._starts[group]} of row group {number}"

    def relative_name(self, index: int) -> str:
        group = bisect.bisect_right(self._starts, index) - 1
        path, _, _ = self._groups[group]
        first = next(start for start, (other, *_) in zip(self._starts, self._groups) if other == path)
        return f"{_relative(path, self.root)}/{index - first}"

    def digest(self) -> str:
        ends = [*self._starts[1:], self._count]
        return _digest(
            (f"{_relative(path, self.root)}/{start}-{end}", path.stat().st_size)
            for (path, *_), start, end in zip(self._groups, self._starts, ends, strict=True)
        )

    def read(self, index: int, size: int) -> np.ndarray:
        group = bisect.bisect_right(self._starts, index) - 1
        content = self._rows(group)[index - self._starts[group]]
        if not content:
            raise ValueError("no image bytes")
        return decode(content)

    def _rows(self, group: int) -> list[bytes | None]:
        from .. import parquet

        with self._lock:
            if group not in self._kept:
                path, number, column = self._groups[group]
                table = parquet.read_table(path, groups=[number], columns=[column], most_bytes=_GROUPS_BYTES)
                rows = table[column].to_pylist()
                self._kept[group] = [row["bytes"] if isinstance(row, dict) else row for row in rows]
                sizes = {g: sum(len(row or b"") for row in kept) for g, kept in self._kept.items()}
                while len(self._kept) > 1 and sum(sizes[g] for g in self._kept) > _GROUPS_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(group)
            return self._kept[group]


def decode(content: bytes) -> np.ndarray:
    """An encoded image as RGB uint8 H×W×3, turned as its EXIF says.

    Raises:
        OSError, ValueError: it is broken or cut short.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except UnidentifiedImageError as error:
        raise ValueError("no image of a known kind") from error
    except (SyntaxError, Image.DecompressionBombError) as error:  # what Pillow raises for broken PNGs, and for bombs
        raise ValueError(str(error)) from error


_PACKED = {"tar": TarImages, "parquet": ParquetImages}


def _below(folder: Path, kind: str) -> list[Path]:
    return sorted(path for path in folder.rglob(f"*.{kind}") if not path.name.startswith("."))


def _relative(path: Path, root: Path) -> str:
    return _text(path.relative_to(root).as_posix())


def _text(name: str) -> str:
    """A file's name as text that can be written: bytes that are no UTF-8 become question marks."""
    return os.fsencode(name).decode("utf-8", "replace")


def _digest(entries: Iterable[tuple[str, int]]) -> str:
    digest = hashlib.sha256()
    for name, size in entries:
        digest.update(f"{name}\0{size}\n".encode())
    return digest.hexdigest()


def _image_column(schema, path: Path, setting: str) -> str:
    import pyarrow.types as types

    def holds_images(field) -> bool:
        if types.is_struct(field.type):
            return field.type.get_field_index("bytes") >= 0
        return types.is_binary(field.type) or types.is_large_binary(field.type)

    names = [field.name for field in schema if holds_images(field)]
    for name in ("image", "img", "jpg", "png", *names):
        if name in names:
            return name
    raise UserError(
        f"{setting} {path}", got=f"columns {', '.join(schema.names)}", expected="one of encoded images",
        remedy="name a data set of images",
    )  # fmt: skip


def _not_empty(source: Source, images: str, setting: str) -> Source:
    if not len(source):
        raise UserError(
            setting, got=f"{images}, in which no image was found", expected=f"files such as .{', .'.join(EXTENSIONS)}",
            remedy="check the path",
        )  # fmt: skip
    return source
