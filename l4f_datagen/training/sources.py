"""Where real images lie: folders, tar files, Parquet files or a world; each a numbered list of pictures."""

import bisect
import glob
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from .. import worlds
from ..errors import UserError
from ..pictures import EXTENSIONS, decode

_GROUPS_BYTES = 1 << 30
"""Row groups of Parquet files that are kept at a time, encoded."""


class Source(Protocol):
    """A numbered list of pictures. ``read`` may be called from several threads."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What a person would look for."""

    def read(self, index: int, size: int) -> np.ndarray:
        """RGB uint8 H×W×3 in its own size; a world draws at ``size``. Raises OSError or ValueError if broken."""


def open_source(images: str, *, world_images: int) -> Source:
    """The source that ``--images`` names.

    Args:
        images: a folder of any nesting; a folder of tars, or a tar file or pattern; a folder of Parquet
            files with an image column; ``world:NAME``.
        world_images: how many pictures of a world belong to it.

    Raises:
        UserError: there is nothing of the kind, or no image in it.
    """
    if images.startswith("world:"):
        return WorldImages(images.removeprefix("world:"), world_images)
    path = Path(images).expanduser()
    if path.is_dir():
        for suffix, kind in ((".tar", TarImages), (".parquet", ParquetImages)):
            if found := sorted(p for p in path.rglob(f"*{suffix}") if not p.name.startswith(".")):
                return _not_empty(kind(found), images)
        return _not_empty(FolderImages(path), images)
    found = [path] if path.is_file() else sorted(Path(p) for p in glob.glob(str(path), recursive=True))
    if found and all(p.suffix == ".tar" for p in found):
        return _not_empty(TarImages(found), images)
    if found and all(p.suffix == ".parquet" for p in found):
        return _not_empty(ParquetImages(found), images)
    raise UserError(
        "images", got=f"{images}, which is {'no tar or Parquet file' if found else 'not there'}",
        expected="a folder, tar files, Parquet files or world:NAME", remedy="check the path",
    )  # fmt: skip


class FolderImages:
    """Image files below a folder, in the order of their paths."""

    def __init__(self, folder: Path):
        found = (p for p in folder.rglob("*") if p.suffix[1:].lower() in EXTENSIONS and not p.name.startswith("."))
        self.paths = sorted(path for path in found if path.is_file())

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        return str(self.paths[index])

    def read(self, index: int, size: int) -> np.ndarray:
        return decode(self.paths[index].read_bytes())


class TarImages:
    """The image of every WebDataset sample: the members KEY.jpg, KEY.png, …, not KEY.mask.png and the like.

    Reads the headers once and then goes straight to each member.
    """

    def __init__(self, paths: Sequence[Path]):
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
                    f"images {path}", got=f"no whole tar file ({error})", expected="an uncompressed tar",
                    remedy="copy it again",
                ) from error  # fmt: skip

    def __len__(self) -> int:
        return len(self.members)

    def name(self, index: int) -> str:
        return f"{self.members[index][0]}: {self.members[index][1]}"

    def read(self, index: int, size: int) -> np.ndarray:
        path, _, offset, length = self.members[index]
        with path.open("rb") as file:
            file.seek(offset)
            return decode(file.read(length))


class ParquetImages:
    """The image column of Hugging Face's Parquet files: encoded bytes, or structs with ``bytes``.

    A row group is read as a whole; the groups read last are kept.
    """

    def __init__(self, paths: Sequence[Path]):
        import pyarrow
        import pyarrow.parquet

        self._groups: list[tuple[Path, int, str]] = []
        self._starts, self._count = [], 0
        for path in paths:
            try:
                file = pyarrow.parquet.ParquetFile(path)
            except (pyarrow.ArrowException, OSError) as error:
                raise UserError(
                    f"images {path}", got=f"no readable Parquet file ({error})", expected="a Parquet file",
                    remedy="copy it again",
                ) from error  # fmt: skip
            column = _image_column(file.schema_arrow, path)
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

    def read(self, index: int, size: int) -> np.ndarray:
        group = bisect.bisect_right(self._starts, index) - 1
        content = self._rows(group)[index - self._starts[group]]
        if not content:
            raise ValueError("no image bytes")
        return decode(content)

    def _rows(self, group: int) -> list[bytes | None]:
        import pyarrow.parquet

        with self._lock:
            if group not in self._kept:
                path, number, column = self._groups[group]
                rows = pyarrow.parquet.ParquetFile(path).read_row_group(number, columns=[column])[column].to_pylist()
                self._kept[group] = [row["bytes"] if isinstance(row, dict) else row for row in rows]
                sizes = {g: sum(len(row or b"") for row in kept) for g, kept in self._kept.items()}
                while len(self._kept) > 1 and sum(sizes[g] for g in self._kept) > _GROUPS_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(group)
            return self._kept[group]


class WorldImages:
    """Pictures of a procedural world: the training split, seed 0."""

    def __init__(self, world: str, count: int):
        self.world, self.count = worlds.check_name(world), count

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"world {self.world}, picture {index}"

    def read(self, index: int, size: int) -> np.ndarray:
        return worlds.render(self.world, seed=0, index=index, size=size).image


def _image_column(schema, path: Path) -> str:
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
        f"images {path}", got=f"columns {', '.join(schema.names)}", expected="one of encoded images",
        remedy="name a data set of images",
    )  # fmt: skip


def _not_empty(source: Source, images: str) -> Source:
    if not len(source):
        raise UserError(
            "images", got=f"{images}, in which no image was found", expected=f"files such as .{', .'.join(EXTENSIONS)}",
            remedy="check the path",
        )  # fmt: skip
    return source
