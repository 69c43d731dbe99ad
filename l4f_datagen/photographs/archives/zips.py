"""Photographs in zip files, those of stylegan2-ada-pytorch's dataset_tool among them."""

import os
import threading
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePath

from ...errors import UserError
from ..picture import kinds
from ..source import Photographs, digest_of, place_in_archive, relative, text
from . import members

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_DIRECTORY = 256 << 20
"""Bytes that an archive's list of members may have: enough for two million of them."""
_END, _END_BYTES, _LONGEST_COMMENT = b"PK\5\6", 22, 1 << 16
_ENCRYPTED = 1


class ZipImages(Photographs):
    """Images in zip files, in the order of their names; what else a data set's zip holds, ``dataset.json`` say, is not
    looked at."""

    def __init__(self, paths: Sequence[Path], root: Path, setting: str = "images"):
        super().__init__()
        self.root = root
        self._members: list[tuple[Path, zipfile.ZipInfo]] = []
        self._open: dict[tuple[int, Path], zipfile.ZipFile] = {}
        self._lock = threading.Lock()
        for path in paths:
            try:
                found = self._index(path)
            except _BROKEN as error:
                raise UserError(
                    f"{setting} {path}", got=f"no whole zip file ({error})", expected="a zip", remedy="copy it again"
                ) from error
            if found and all(info.flag_bits & _ENCRYPTED for info in found):
                raise UserError(
                    f"{setting} {path}", got="a zip that is encrypted", expected="one without a password",
                    remedy="unpack it and name the folder",
                )  # fmt: skip
            readable = []
            for info in found:
                if info.flag_bits & _ENCRYPTED:
                    self.left_out.add("encrypted", info.filename)
                elif info.compress_type not in _METHODS:
                    self.left_out.add("compressed in another way than deflate", info.filename)
                else:
                    readable.append(info)
            self._members += [(path, info) for info in readable]

    def __len__(self) -> int:
        return len(self._members)

    def name(self, index: int) -> str:
        path, info = self._members[index]
        return f"{path}: {info.filename}"

    def relative_name(self, index: int) -> str:
        path, info = self._members[index]
        return f"{relative(path, self.root)}/{text(info.filename)}"

    def place(self, index: int) -> PurePath:
        path, info = self._members[index]
        return place_in_archive(path.relative_to(self.root), info.filename)

    def digest(self) -> str:
        return digest_of((self.relative_name(index), info.file_size) for index, (_, info) in enumerate(self._members))

    def content(self, index: int) -> bytes:
        path, info = self._members[index]
        try:
            with self._archive(path).open(info) as member:
                start = member.read(kinds.HEAD_BYTES)
                if kinds.kind_of(start) is None:
                    return start  # what it is can be told, without unpacking all of it
                content = start + member.read(max(0, info.file_size - len(start)))
        except _BROKEN as error:
            raise ValueError(f"a damaged member ({error})") from error
        return content

    def _archive(self, path: Path) -> zipfile.ZipFile:
        key = os.getpid(), path  # a forked process would move the place where this one reads
        with self._lock:
            if key not in self._open:
                self._open[key] = zipfile.ZipFile(path)
            return self._open[key]

    def _index(self, path: Path) -> list[zipfile.ZipInfo]:
        _check_directory(path)
        infos = [info for info in self._archive(path).infolist() if not info.is_dir()]
        infos.sort(key=lambda info: info.filename)
        return members.photographs(infos, self.left_out, name=lambda i: i.filename, size=lambda i: i.file_size)


_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError,
    ValueError, KeyError, IndexError, OverflowError, UnicodeError,
)  # fmt: skip
"""What zipfile raises of archives that are damaged."""


def _check_directory(path: Path) -> None:
    """Refuse a list of members that would fill the memory."""
    with path.open("rb") as file:
        length = file.seek(0, 2)
        file.seek(max(0, length - _END_BYTES - _LONGEST_COMMENT))
        end = file.read()
    at = end.rfind(_END)
    size = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    if _MOST_DIRECTORY < size < 0xFFFFFFFF:
        raise ValueError(f"a list of members of {size >> 20} MiB")
