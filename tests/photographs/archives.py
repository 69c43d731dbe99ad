"""Archives of pictures, made here."""

import io
import tarfile
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_parquet(path: Path, members: dict[str, bytes], **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": content, "path": name} for name, content in members.items()]
    pyarrow.parquet.write_table(pyarrow.table({"image": rows}), path, **options)


def write_archive(path: Path, members: dict[str, bytes]) -> None:
    {"tar": write_tar, "zip": write_zip, "parquet": write_parquet}[path.suffix[1:]](path, members)
