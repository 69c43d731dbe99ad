"""Files of labelled images, in folders or in archives, as people see them."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...errors import UserError
from ...photographs import names, walking
from ...photographs.left_out import LeftOut

MASKS = names.PICTURES | {"npy"}
"""Extensions of masks."""


@dataclass(frozen=True)
class File:
    """One file, wherever it lies."""

    stem: str
    """Its path without suffix, below the folder or archive."""
    suffix: str
    """In lower case, without a dot."""
    label: str
    """What messages call it."""
    size: int
    """In bytes."""
    content: Callable[[], bytes | Path]
    """Its content, or where that is."""

    @property
    def name(self) -> str:
        """Its own name."""
        last = self.stem.rpartition("/")[2]
        return f"{last}.{self.suffix}" if self.suffix else last


def walk(folder: Path, extensions: Collection[str], left_out: LeftOut) -> list[File]:
    """Files with these extensions below a folder, in the order of their paths; what is left out is counted.

    Links to files are followed. Hidden files and folders, links to folders and what cannot be read are left out.
    """
    found, waiting = [], [folder]
    while waiting:
        place = waiting.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            left_out.add(f"folders that cannot be read: {error.strerror}", str(place))
            continue
        for entry in entries:
            if (path := walking.look(entry, waiting, left_out)) is None:
                continue
            if names.extension(path.name) in extensions or (path.suffix == "" and walking.is_picture(path)):
                found.append(path)
            else:
                left_out.add_other(path.name)
    return [_of_path(path, folder) for path in sorted(found)]


def _of_path(path: Path, folder: Path) -> File:
    relative = PurePosixPath(path.relative_to(folder).as_posix())
    return File(str(relative.with_suffix("")), names.extension(path.name), str(path), path.stat().st_size, lambda: path)


def by_stem(where: str, files: Iterable[File]) -> dict[str, File]:
    """Files by their path without suffix, in their order.

    Raises:
        UserError: two files differ in their suffix only.
    """
    found: dict[str, File] = {}
    for file in files:
        if file.stem in found:
            raise UserError(
                where, got=f"two files of one name, {found[file.stem].name} and {file.name}",
                expected="one file of a name", remedy="remove one of them",
            )  # fmt: skip
        found[file.stem] = file
    return found


def pictures(files: Sequence[File]) -> list[File]:
    """Those that can be images."""
    return [file for file in files if file.suffix in names.PICTURES or not file.suffix]
