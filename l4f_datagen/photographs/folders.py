"""Photographs as files."""

from collections.abc import Sequence
from pathlib import Path, PurePath

from . import walking
from .source import Photographs, digest_of, relative


class FolderImages(Photographs):
    """Image files below a folder, in the order of their paths; ``paths``: these alone."""

    def __init__(self, folder: Path, paths: Sequence[Path] | None = None):
        super().__init__()
        self.root = folder
        if paths is None:
            found = walking.walk(folder)
            self.left_out, paths = found.left_out, found.pictures
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        return str(self.paths[index])

    def relative_name(self, index: int) -> str:
        return relative(self.paths[index], self.root)

    def place(self, index: int) -> PurePath:
        return self.paths[index].relative_to(self.root)

    def digest(self) -> str:
        return digest_of((relative(path, self.root), path.stat().st_size) for path in self.paths)

    def content(self, index: int) -> Path:
        return self.paths[index]
