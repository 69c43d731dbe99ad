"""Recognises what a place of labelled images, or of masks, is, and opens it."""

import glob
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from .. import worlds
from ..addresses import split_address
from ..errors import UserError
from ..photographs.archives import own
from ..photographs.left_out import LeftOut
from ..shards.format import layout as shard_layout
from .drawn.coco import CocoSamples
from .drawn.cvat import CvatSamples
from .drawn.images import DrawnSamples
from .drawn.label_studio import LabelStudioSamples
from .files import layouts, tables, tars
from .files.samples import FileSamples, MaskFiles
from .generator import open_generator
from .pair import PairedSamples
from .reading import Reading
from .sample import Samples
from .shards import ShardSamples
from .taken import check_taken
from .world import WorldSamples

WORLD, GENERATOR = "world:", "generator:"
_PREFIXES = {
    "folder": "folder", "coco": "coco", "label-studio": "label-studio", "cvat": "cvat", "tars": "tars", "tar": "tars",
    "parquet": "parquet", "shards": "shards",
}  # fmt: skip
_EXPECTED = (
    "a folder of images and masks, a file of COCO, Label Studio or CVAT, tars, Parquet files or a data set folder"
)


Masks = Samples | MaskFiles
"""True or predicted masks, by name. ``keys`` are in order and each there once."""


def open_samples(
    place: str,
    reading: Reading,
    *,
    size: int = 64,
    count: int = 1000,
    split: worlds.Split = "train",
    device: str = "auto",
) -> Samples:
    """The labelled images that a place names; all their labels are looked at.

    Args:
        place: a folder of images and masks, a file of COCO, Label Studio or CVAT, tars, Parquet files, a data set
            folder of ours, here or behind an address, ``world:NAME``, or ``generator:`` and what
            ``samples.generator.settings_of`` takes. Before a path may stand what it is: ``folder:``, ``coco:``,
            ``label-studio:``, ``cvat:``, ``tars:``, ``parquet:`` or ``shards:``.
        size: height and width of a world's pictures.
        count, split: of a world or a generator, what is drawn of it.
        device: where a generator's networks run.

    Raises:
        UserError: there is no such source, or its files do not fit together.
        Damaged: it is a data set of ours that is not as it was written.
    """
    if place.startswith(WORLD):
        check_taken("world", place, reading)
        return WorldSamples(place.removeprefix(WORLD), count=count, size=size, split=split)
    if place.startswith(GENERATOR):
        check_taken("generator", place, reading)
        return open_generator(place.removeprefix(GENERATOR), device=device, split=split, count=count)
    kind, path = _kind_of(place, reading)
    if kind == "tars" and Path(path).expanduser().is_dir() and own.is_data_set(Path(path).expanduser()):
        kind = "shards"
    check_taken(kind, path, reading)
    return _OPEN[kind](path, reading)


def open_masks(place: str, reading: Reading) -> Masks:
    """The masks that a place names: a folder of them, or what ``open_samples`` takes.

    Raises:
        UserError: there is none.
    """
    folder = Path(place).expanduser()
    if folder.is_dir() and not (folder / shard_layout.DATASET).is_file():
        known = layouts.known_layout(folder) or _packed(folder) or _drawn_files(folder)
        if not known and not layouts.are_beside(folder):
            left_out = LeftOut()
            masks = layouts.mask_files(folder, left_out)
            if not masks:
                there = f"; left out: {left_out.text()}" if left_out else ""
                raise UserError(
                    str(folder), got=f"a folder without pictures{there}", expected="files such as .png",
                    remedy="check the path",
                )  # fmt: skip
            notes = (f"{folder}: left out {left_out.text()}",) if left_out else ()
            return MaskFiles(str(folder), masks, reading, notes)
    if not folder.exists() and split_address(place) is None and not _prefixed(place):
        raise UserError(
            place, got="no such folder", expected="a folder of masks or a data set", remedy="check the path"
        )
    return open_samples(place, reading)


def _prefixed(place: str) -> bool:
    return place.startswith((WORLD, GENERATOR)) or place.partition(":")[0] in _PREFIXES


def _kind_of(place: str, reading: Reading) -> tuple[str, str]:
    """What a place is, and where."""
    prefix, colon, rest = place.partition(":")
    if colon and prefix in _PREFIXES and not Path(place).exists():
        return _PREFIXES[prefix], rest
    if reading.kind != "auto":
        return reading.kind, place
    if split_address(place):
        return "shards", place
    path = Path(place).expanduser()
    if path.is_dir():
        if reading.masks is not None or reading.images is not None:
            return "folder", place
        if (path / shard_layout.DATASET).is_file():
            return "shards", place
        if layouts.known_layout(path):
            return "folder", place
        if len(_drawn_files(path)) == 1:
            return _drawn_kind(_drawn_files(path)[0]), place
        return _packed(path) or ("coco" if _drawn_files(path) else "folder"), place
    if not path.exists():
        kinds = {_ARCHIVES.get(match.suffix.lower(), "") for match in _matches(place)}
        if len(kinds) != 1 or not kinds <= {"tars", "parquet"}:
            raise UserError(
                "source",
                got=f"{place}, which is not there (no such folder or file)",
                expected=_EXPECTED,
                remedy="check the path",
            )
        return kinds.pop(), place
    kind = _ARCHIVES.get(path.suffix.lower())
    if kind is None:
        raise UserError(
            "source", got=f"{place}, which is none of these", expected=_EXPECTED,
            remedy="unpack it, or say what it is with coco: or tars: before it",
        )  # fmt: skip
    return (_drawn_kind(path) if kind == "drawn" else kind), place


_ARCHIVES = {".tar": "tars", ".parquet": "parquet", ".json": "drawn", ".xml": "drawn"}


def _drawn_kind(path: Path) -> str:
    """Which program's a file is that draws masks on images: JSON is a list of Label Studio's, and an object of COCO."""
    if path.suffix.lower() == ".xml":
        return "cvat"
    with path.open("rb") as file:
        begin = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    return "label-studio" if begin.startswith(b"[") else "coco"


def _packed(folder: Path) -> str | None:
    """Whether a folder holds tars or Parquet files of labelled images."""
    if any(_below(folder, "tar")):
        return "tars"
    if any(tables.has_masks(path) for path in _below(folder, "parquet")[:1]):
        return "parquet"
    return None


def _below(folder: Path, extension: str) -> list[Path]:
    found = folder.glob(f"*.{extension}"), folder.glob(f"data/*.{extension}")
    return sorted(path for some in found for path in some if path.is_file() and not path.name.startswith("."))


def _drawn_files(folder: Path) -> list[Path]:
    """The files of a folder that draw masks on its images: of COCO, Label Studio or CVAT."""
    usual = ("annotations/*.json", "instances_*.json", "_annotations.coco.json", "tasks_*.json", "annotations.xml")
    found = [file for pattern in usual for file in folder.glob(pattern)]
    return sorted(path for path in found if not path.name.startswith("."))


def _matches(pattern: str) -> list[Path]:
    try:
        return sorted(Path(match) for match in glob.glob(str(Path(pattern).expanduser()), recursive=True))
    except (ValueError, OSError):
        return []


def _open_folder(place: str, reading: Reading) -> Samples:
    root = Path(place).expanduser()
    if reading.images is not None and reading.masks is not None and _of_another_kind(reading.masks):
        images = layouts.inside(root, reading.images)
        files = layouts.image_files(images)
        masks = open_samples(reading.masks, replace(reading, images=None, masks=None))
        return PairedSamples(str(images), files, masks)
    found = layouts.of_folder(root, reading)
    return FileSamples(root.resolve().name, str(root), found, reading)


def _of_another_kind(place: str) -> bool:
    """Whether masks are no folder of files: a data set, tars, a COCO file."""
    path = Path(place).expanduser()
    return path.is_file() or (path.is_dir() and ((path / shard_layout.DATASET).is_file() or _packed(path) is not None))


def _open_drawn(kind: Callable[[Path, Reading], DrawnSamples], place: str, reading: Reading) -> Samples:
    path = Path(place).expanduser()
    if path.is_dir():
        files = _drawn_files(path)
        if len(files) != 1:
            raise UserError(
                "source", got=f"{place} with {len(files)} files that draw masks", expected="one",
                remedy=f"name {files[0]}, say" if files else "name the file",
            )  # fmt: skip
        path = files[0]
    return kind(path, reading)


def _paths(place: str, extension: str) -> tuple[list[Path], Path]:
    path = Path(place).expanduser()
    found = _below(path, extension) if path.is_dir() else [path] if path.is_file() else _matches(place)
    if not found:
        raise UserError(
            "source", got=f"{place}, which holds no .{extension}", expected=_EXPECTED, remedy="check the path"
        )
    return found, path


def _open_tars(place: str, reading: Reading) -> Samples:
    paths, path = _paths(place, "tar")
    left_out = LeftOut()
    files = tars.files_of(paths, left_out)
    found = layouts.of_archive(files, str(path), left_out)
    if found is None:
        raise UserError(
            str(path), got="tars whose members do not tell masks from images", expected="KEY.jpg and KEY.mask.png",
            remedy="rename the members",
        )  # fmt: skip
    return _Tars(path.name, str(path), found, reading)


def _open_parquet(place: str, reading: Reading) -> Samples:
    paths, path = _paths(place, "parquet")
    return _Parquet(path.name, str(path), tables.layout_of(paths, str(path)), reading)


def _open_shards(place: str, reading: Reading) -> Samples:
    path = Path(place).expanduser()
    if (
        split_address(place) is None
        and not (path / shard_layout.DATASET).is_file()
        and (path.is_file() or _packed(path))
    ):
        return _open_tars(place, reading)
    return ShardSamples(place, reading)


class _Tars(FileSamples):
    KIND = "tars of images and masks"


class _Parquet(FileSamples):
    KIND = "Parquet files of images and masks"


_OPEN: dict[str, Callable[[str, Reading], Samples]] = {
    "folder": _open_folder, "tars": _open_tars, "parquet": _open_parquet, "shards": _open_shards,
    "coco": partial(_open_drawn, CocoSamples), "cvat": partial(_open_drawn, CvatSamples),
    "label-studio": partial(_open_drawn, LabelStudioSamples),
}  # fmt: skip
