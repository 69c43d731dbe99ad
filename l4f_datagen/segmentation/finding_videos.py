"""Finds the videos among what ``segment`` is to segment."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..photographs import names, walking
from ..photographs.archives import own
from ..photographs.places import parse
from . import videos


@dataclass(frozen=True)
class Video:
    """A video that is asked for."""

    path: Path
    name: str
    key: str
    """Path of its results below the output folder, without what tells them apart."""
    announced: int
    """Frames that it says it has."""


def find_videos(images: Sequence[str], out: Path, *, full: bool) -> tuple[list[str], list[Video]]:
    """The words that name something else than videos alone, and the videos, each once, in order.

    What lies below ``out`` is the result of an earlier run, unless it is named itself.

    Args:
        full: whether KEY is the whole path.
    """
    words, found, below = [], {}, os.path.join(os.path.abspath(out), "")
    for word in images:
        paths, others = _videos_of(word)
        if others or not paths:
            words.append(word)
        for path, place in paths:
            if os.path.abspath(path).startswith(below) and len(place.parts) > 1:
                continue
            key = names.stem(place.as_posix()) if not full else os.path.normpath(path)
            key = "/".join("_" if part == ".." else part for part in Path(key).parts if part not in ("/", "."))
            found.setdefault(os.path.abspath(path), Video(path, str(path), key, _announced(path)))
    return words, list(found.values())


def _videos_of(word: str) -> tuple[list[tuple[Path, Path]], bool]:
    """The videos that a word names, each with its place below what was named, and whether it names other things too."""
    kind, plain, _ = parse(word)
    if kind not in (None, "folder"):
        return [], True
    path = Path(plain).expanduser()
    if path.is_dir():
        if own.is_data_set(path):
            return [], True
        found = walking.walk(path)
        others = bool(found.pictures or found.archives) or not found.videos
        return [(video, video.relative_to(path)) for video in found.videos], others
    if path.is_file():
        return ([(path, Path(path.name))], False) if _is_video(path) else ([], True)
    try:
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)))
    except (ValueError, OSError):
        return [], True
    films = [match for match in matches if match.is_file() and _is_video(match)]
    root = Path(os.path.commonpath([match.parent for match in films])) if films else Path()
    return [(film, film.relative_to(root)) for film in films], len(films) < len(matches) or not matches


def _is_video(path: Path) -> bool:
    return names.extension(path.name) in names.VIDEOS


def _announced(path: Path) -> int:
    try:
        return videos.heading(path).frames
    except (OSError, ValueError):  # it is told when its turn comes
        return 0
