"""Understands what ``--images`` and its like name: where photographs lie, and in what form."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..addresses import shown, split_address
from ..errors import UserError
from . import names, walking
from .archives import own
from .archives.tables import ParquetImages, has_images
from .archives.tars import TarImages
from .archives.zips import ZipImages
from .folders import FolderImages
from .left_out import LeftOut
from .picture.kinds import HEAD_BYTES, other_kind
from .source import Photographs

KINDS = ("folder", "tar", "parquet", "zip")
PREFIXES = {
    "folder": "folder", "tars": "tar", "tar": "tar", "shards": "tar", "parquet": "parquet", "zip": "zip", "zips": "zip",
}  # fmt: skip
"""What may stand before a path, and which kind it asks for."""
_SAY = {"folder": "folder", "tar": "tars", "parquet": "parquet", "zip": "zip"}
_CALLED = {"folder": "a folder of images", "tar": "tar files", "parquet": "Parquet files", "zip": "zip files"}
_COUNTED = {"folder": "pictures", "tar": "tar files", "parquet": "Parquet files", "zip": "zip files"}


class Place(NamedTuple):
    """An address, taken apart."""

    kind: str | None
    """One of ``KINDS``; None: what is there says."""
    path: str
    column: str | None = None
    """The column of Parquet files that holds the pictures."""


def parse(images: str) -> Place:
    """ "tars:PATH", "parquet:PATH#COLUMN" or "PATH"."""
    prefix, colon, path = images.partition(":")
    if not colon or prefix not in PREFIXES:
        return Place(None, images)
    kind = PREFIXES[prefix]
    if kind == "parquet" and not Path(path).expanduser().exists() and "#" in path:
        path, _, column = path.rpartition("#")
        return Place(kind, path, column)
    return Place(kind, path)


def open_images(
    images: str,
    *,
    setting: str = "images",
    kinds: Sequence[str] = KINDS,
    empty: str = "in which no image was found",
    tell: bool = True,
) -> Photographs:
    """The photographs of a place; what was left out there is told.

    Args:
        images: a picture, a folder of any nesting; a tar, zip or Parquet file, or a folder of them; a pattern. Before
            it may stand what it is: ``folder:``, ``tars:`` or ``shards:``, ``zip:``, ``parquet:`` (and behind it
            #COLUMN).
        setting: what errors call it.
        kinds: what it may be.
        empty: what to say of a place without pictures.
        tell: log what was left out.

    Raises:
        UserError: there is nothing of the kind, or no image in it, or it is not clear what is meant.
        Damaged: it is a data set of ours that is not as it was written.
    """
    place = parse(images)
    if place.kind is not None:
        kinds = [place.kind]
    found, root = _find(place.path, setting, kinds)
    if "tar" in kinds and Path(place.path).expanduser().is_dir() and own.is_data_set(root):
        found.archives["tar"] = own.tars_of(root)
    kind = place.kind if len(kinds) == 1 and place.kind else _choose(found, root, place.path, setting, kinds)
    source = _open(kind, found, root, setting, place)
    if not len(source):
        raise _nothing(place.path, setting, kind, source, empty)
    if tell:
        source.left_out.tell(place.path)
    return source


def open_each(images: Sequence[str], *, setting: str = "images") -> list[Photographs]:
    """The photographs of several places, and single files whatever they are called; tells nothing.

    Raises:
        UserError: as ``open_images``.
    """
    sources: list[Photographs] = []
    for name in images:
        kind, path, _ = parse(name)
        file = Path(path).expanduser()
        archive = walking.archive_kind(file) or (_kind_by_content(file) if not walking.is_picture(file) else None)
        if kind in (None, "folder") and file.is_file() and not archive:
            sources.append(FolderImages(file.parent, [file]))
        else:
            sources.append(open_images(name, setting=setting, empty="which holds no image", tell=False))
    return sources


def _find(path: str, setting: str, kinds: Sequence[str]) -> tuple[walking.Found, Path]:
    """What lies at a path or matches a pattern, and the folder below which all of it lies."""
    if split_address(path):
        raise UserError(
            setting, got=f"{shown(path)}, an address", expected=_expected(kinds), remedy="copy it to this machine first"
        )
    place = Path(path).expanduser()
    if place.is_dir():
        return walking.walk(place, own.is_side_file if own.is_data_set(place) else None), place
    matches = [place] if os.path.lexists(place) else [Path(match) for match in _matches(str(place))]
    if not path or not matches:
        raise UserError(
            setting, got=f"{path}, which is not there" if path else "nothing", expected=_expected(kinds),
            remedy="check the path",
        )  # fmt: skip
    found = walking.Found()
    for match in sorted(matches):
        _take(match, found)
    root = Path(os.path.commonpath([match if match.is_dir() else match.parent for match in matches]))
    return found.finish(), root


def _matches(pattern: str) -> list[str]:
    try:
        return glob.glob(pattern, recursive=True)
    except (ValueError, OSError):  # a null byte in it, say
        return []


def _take(match: Path, found: walking.Found) -> None:
    if match.is_dir():
        below = walking.walk(match)
        found.pictures += below.pictures
        for kind, paths in below.archives.items():
            found.archives.setdefault(kind, []).extend(paths)
        found.left_out.merge(below.left_out)
    elif not match.is_file():
        found.left_out.add("no regular files", match.name)
    elif walking.archive_kind(match) or walking.is_picture(match):
        found.add(match)
    elif (kind := _kind_by_content(match)) is not None:
        found.archives.setdefault(kind, []).append(match)
    else:
        found.left_out.add_other(match.name)


def _kind_by_content(path: Path) -> str | None:
    """The kind of a file that the user named and whose extension says nothing."""
    try:
        with path.open("rb") as file:
            start = file.read(HEAD_BYTES)
    except OSError:
        return None
    other = other_kind(start) if start else None
    return {"a tar archive": "tar", "a zip archive": "zip", "a Parquet file": "parquet"}.get(other or "")


def _choose(found: walking.Found, root: Path, path: str, setting: str, kinds: Sequence[str]) -> str:
    """Decide what is meant where no prefix says it.

    In a data set of ours these are the tars. Else pictures are meant where they outnumber the archives beside them, and
    tars rather than the Parquet files that describe them.

    Raises:
        UserError: it could be one or the other, or is none that is asked for.
    """
    there = {kind: paths for kind, paths in found.archives.items() if kind in kinds and paths}
    if "tar" in there and own.is_data_set(root):
        return "tar"
    if len(kinds) == 1:
        return kinds[0]
    if "parquet" in there and (len(there) > 1 or found.pictures) and not any(map(has_images, there["parquet"])):
        del there["parquet"]
    if "tar" in there:
        there.pop("parquet", None)
    pictures = len(found.pictures) if "folder" in kinds else 0
    archives = sum(map(len, there.values()))
    if pictures > archives or not archives:
        return "folder" if "folder" in kinds else kinds[0]
    if len(there) == 1 and not pictures:
        return next(iter(there))
    counts = {"folder": pictures} | {kind: len(paths) for kind, paths in there.items()}
    present = {kind: count for kind, count in counts.items() if count}
    raise UserError(
        setting, got=f"{path}, which holds " + " and ".join(f"{n} {_COUNTED[kind]}" for kind, n in present.items()),
        expected="one of these", remedy="say which with " + " or ".join(f"{_SAY[kind]}:{path}" for kind in present),
    )  # fmt: skip


def _open(kind: str, found: walking.Found, root: Path, setting: str, place: Place) -> Photographs:
    """The source of one kind; all else is left out."""
    paths = found.archives.get(kind, [])
    if kind == "folder":
        source: Photographs = FolderImages(root, found.pictures)
    elif not paths:
        raise UserError(
            setting, got=f"{place.path}, which is nothing of the kind", expected=_CALLED[kind],
            remedy="check the path",
        )  # fmt: skip
    elif kind == "parquet":
        source = ParquetImages(paths, root, setting, place.column)
    else:
        source = (TarImages if kind == "tar" else ZipImages)(paths, root, setting)
    ours = kind == "tar" and own.is_data_set(root)
    left = LeftOut() if ours else source.left_out  # what lies beside a sample's picture is known
    source.left_out = left
    left.merge(found.left_out)
    if kind != "folder" and found.pictures:
        left.add("pictures", found.pictures[0].name, len(found.pictures))
    for other, others in found.archives.items():
        if other != kind and not ours:
            left.add(f"{_COUNTED[other]}, which {_SAY[other]}:PATH takes", others[0].name, len(others))
    return source


def _nothing(path: str, setting: str, kind: str, source: Photographs, empty: str) -> UserError:
    if kind == "folder" and Path(path).expanduser().is_file():
        empty = "which is nothing of the kind"
    left_out = f" (left out: {source.left_out.text()})" if source.left_out else ""
    return UserError(
        setting, got=f"{path}, {empty}{left_out}", expected=f"files such as .{', .'.join(names.USUAL)}",
        remedy="convert what is there" if source.left_out.pictures_of_other_kinds() else "check the path",
    )  # fmt: skip


def _expected(kinds: Sequence[str]) -> str:
    return " or ".join(_CALLED[kind] for kind in kinds)
