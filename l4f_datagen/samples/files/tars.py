"""Files of labelled images in tar archives: WebDataset's samples, or folders that were packed."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...errors import UserError
from ...photographs import names
from ...photographs.archives import own
from ...photographs.archives.tar_index import NoTar, entries
from ...photographs.left_out import LeftOut
from ...photographs.picture import limits
from . import file as files
from .file import File


def files_of(paths: Sequence[Path], left_out: LeftOut) -> list[File]:
    """The pictures and arrays in archives, in their order.

    Raises:
        UserError: one is no whole tar file.
        Damaged: one is of a data set of ours, and not as it was written.
    """
    own.shards_of(paths)
    found = [_files_of(path, left_out) for path in paths]
    stems = [file.stem for some in found for file in some]
    if len({(file.stem, file.suffix) for some in found for file in some}) < len(stems):
        # Every archive counts its samples anew.
        found = [
            [File(f"{path.stem}/{f.stem}", f.suffix, f.label, f.size, f.content) for f in some]
            for path, some in zip(paths, found, strict=True)
        ]
    return [file for some in found for file in some]


def _files_of(path: Path, left_out: LeftOut) -> list[File]:
    try:
        with path.open("rb") as file:
            found = list(entries(file))
    except NoTar as error:
        raise UserError(
            str(path), got=f"no whole tar file ({error})", expected="an uncompressed tar", remedy="copy it again"
        ) from error
    kept = []
    for entry in found:
        place = PurePosixPath(entry.name)
        extension = names.extension(entry.name)
        if entry.kind != "file":
            if entry.kind == "link":
                left_out.add("links", entry.name)
        elif any(names.is_hidden(part) for part in place.parts if part not in (".", "..")):
            left_out.add("hidden", entry.name)
        elif extension not in files.MASKS:
            left_out.add_other(entry.name)
        elif entry.size > limits.max_bytes():
            left_out.add(f"of more than {limits.max_bytes() >> 20} MiB", entry.name)
        else:
            stem = str(place.with_suffix(""))
            kept.append(
                File(stem, extension, f"{path}: {entry.name}", entry.size, _content(path, entry.offset, entry.size))
            )
    return kept


def _content(path: Path, offset: int, size: int):
    def read() -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    return read
