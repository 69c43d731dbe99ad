"""The files below a folder, as people see them: nothing hidden, no link that leads round."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import names
from .left_out import LeftOut
from .picture import kinds

ARCHIVES = {"tar": "tar", "tgz": "tar", "zip": "zip", "parquet": "parquet", "pq": "parquet"}
"""Extension → what it is."""


@dataclass
class Found:
    """Files below a folder."""

    pictures: list[Path] = field(default_factory=list)
    archives: dict[str, list[Path]] = field(default_factory=dict)
    """tar, zip or parquet → files."""
    left_out: LeftOut = field(default_factory=LeftOut)
    videos: list[Path] = field(default_factory=list)
    """Left out where pictures are wanted."""

    def add(self, path: Path) -> None:
        """Take in a file of any kind."""
        kind = archive_kind(path)
        if kind:
            self.archives.setdefault(kind, []).append(path)
        elif is_picture(path):
            self.pictures.append(path)
        else:
            self.left_out.add_other(path.name)
            if names.extension(path.name) in names.VIDEOS:
                self.videos.append(path)

    def finish(self) -> "Found":
        """Put all into the order of their paths; leave out labels of others."""
        stems = {names.stem(str(path)) for path in self.pictures}
        kept = []
        for path in sorted(self.pictures):
            if names.is_label(str(path), stems):
                self.left_out.add("labels of others", path.name)
            else:
                kept.append(path)
        self.pictures = kept
        self.videos.sort()
        for paths in self.archives.values():
            paths.sort()
        return self


def archive_kind(path: Path) -> str | None:
    """tar, zip or parquet, by the file's name."""
    if path.name.lower().endswith(".tar.gz"):
        return "tar"
    return ARCHIVES.get(names.extension(path.name))


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its extension, or if it has none by its first bytes."""
    extension = names.extension(path.name)
    if extension:
        return extension in names.PICTURES
    try:
        with path.open("rb") as file:
            return kinds.kind_of(file.read(16)) is not None
    except OSError:
        return False


def walk(folder: Path, known: Callable[[str], bool] | None = None) -> Found:
    """All files below a folder.

    Links to files are followed. Folders of labels beside one of images, hidden files and folders, links to folders and
    all that cannot be read are left out.

    Args:
        known: whether a file of this name in the folder itself, of another kind than pictures and archives, need not
            be told.
    """
    found, waiting = Found(), [folder]
    while waiting:
        place = waiting.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            found.left_out.add(f"folders that cannot be read: {error.strerror}", _below(place, folder))
            continue
        folders = []
        for entry in entries:
            if (path := look(entry, folders, found.left_out)) is None:
                continue
            side = known is not None and place == folder and known(path.name)
            if not (side and archive_kind(path) is None):
                found.add(path)
        labels = names.label_folders([path.name for path in folders])
        for path in folders:
            if path.name in labels:
                found.left_out.add("folders of labels", f"{_below(path, folder)}/")
            else:
                waiting.append(path)
    return found.finish()


def look(entry: os.DirEntry, folders: list[Path], left_out: LeftOut) -> Path | None:
    """A file in a folder, if people see it and can read it; folders are added to ``folders``, all else is counted."""
    if names.is_hidden(entry.name):
        left_out.add("hidden", entry.name)
        return None
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        left_out.add("broken links" if entry.is_symlink() else f"unreadable: {error.strerror}", entry.name)
        return None
    if stat.S_ISDIR(mode):
        if entry.is_symlink():
            left_out.add("links to folders", entry.name)
        else:
            folders.append(Path(entry.path))
    elif stat.S_ISREG(mode):
        return Path(entry.path)
    else:
        left_out.add("no regular files", entry.name)
    return None


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path != folder else str(folder)
