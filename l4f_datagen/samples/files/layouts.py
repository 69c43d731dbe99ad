"""Tells which files of a labelled set are images, which are masks, and which are soft masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import UserError
from ...photographs import names
from ...photographs.left_out import LeftOut
from ..reading import Reading
from . import file as files
from . import pairing
from .file import File

LAYOUTS = (
    ("images", "masks", "alphas"), ("data", "labels", None), ("JPEGImages", "SegmentationClass", None),
    ("images", "labels", None), ("images", "annotations", None), ("images", "segmentations", None),
    ("image", "mask", None), ("imgs", "masks", None), ("img", "mask", None), ("images", "trimaps", None),
)  # fmt: skip
"""Folders of images, masks and soft masks, as they are often called; those that ``export`` writes are among them."""
_SETS = ("train", "val", "validation", "test")


@dataclass(frozen=True)
class Layout:
    """The files of a set by their names without suffix."""

    images: Mapping[str, File]
    masks: Mapping[str, File]
    alphas: Mapping[str, File] | None
    where: str
    """What errors call the masks."""
    left_out: LeftOut


def of_folder(root: Path, reading: Reading) -> Layout:
    """The files of a folder of labelled images.

    Raises:
        UserError: they cannot be told apart, or two files are alike.
    """
    if not root.is_dir():
        raise UserError("source", got=f"{root}, which is no folder", expected="a folder", remedy="check the path")
    if (reading.images is None) != (reading.masks is None):
        raise UserError(
            "import", got="one of --images and --masks", expected="both or neither", remedy="name both folders"
        )
    alphas = None
    if reading.images is not None and reading.masks is not None:
        images, masks = inside(root, reading.images), inside(root, reading.masks)
    elif known := known_layout(root):
        images, masks = root / known[0], root / known[1]
        alphas = root / known[2] if known[2] and (root / known[2]).is_dir() else None
    else:
        images = masks = root
    if reading.alphas is not None:
        alphas = inside(root, reading.alphas)
    left_out = LeftOut()
    if images.resolve() == masks.resolve():
        found = beside(files.walk(images, files.MASKS, left_out), str(images), left_out)
        if found is None:
            raise _no_layout(root, images if reading.images is not None else None)
    else:
        found = Layout(
            files.by_stem(str(images), files.walk(images, names.PICTURES, left_out)),
            mask_files(masks, left_out), None, str(masks), left_out,
        )  # fmt: skip
    if alphas is not None:
        found = replace(found, alphas=files.by_stem(str(alphas), files.walk(alphas, files.MASKS, left_out)))
    return found


def known_layout(root: Path) -> tuple[str, str, str | None] | None:
    """Those of the usual folders that a folder has."""
    for layout in LAYOUTS:
        if all((root / name).is_dir() for name in layout[:2]) and not _are_texts(root / layout[1]):
            return layout
    return None


def of_archive(found: Sequence[File], where: str, left_out: LeftOut) -> Layout | None:
    """The same of files in an archive: in the usual folders, or as samples KEY.jpg, KEY.mask.png; None for neither."""
    for layout in LAYOUTS:
        parts = [[_without_folder(file, folder) for file in found] if folder else [] for folder in layout]
        images, masks, alphas = ([file for file in part if file is not None] for part in parts)
        if images and masks:
            images = files.by_stem(where, files.pictures(images))
            return Layout(
                images, files.by_stem(where, masks), files.by_stem(where, alphas) if alphas else None, where, left_out
            )
    return beside(found, where, left_out)


def mask_files(folder: Path, left_out: LeftOut) -> dict[str, File]:
    """Masks of a folder by name; KEY.mask.png where there are such, and no side files of masks."""
    found = files.by_stem(str(folder), files.walk(folder, files.MASKS, left_out))
    if members := pairing.of_member(found, "mask"):
        for name in sorted(found.keys() - members.keys()):
            left_out.add("side files of masks", found[name].name)
        return {key: found[name] for name, key in members.items()}
    for name in pairing.side_files(list(found)):
        left_out.add("side files of masks", found.pop(name).name)
    return found


def image_files(folder: Path) -> dict[str, File]:
    """Images of a folder by name."""
    return files.by_stem(str(folder), files.walk(folder, names.PICTURES, LeftOut()))


def inside(root: Path, name: str) -> Path:
    """A folder in another one, or anywhere."""
    for folder in (root / name, Path(name).expanduser()):
        if folder.is_dir():
            return folder
    raise UserError("import", got=f"{name}, which is no folder", expected=f"a folder in {root} or anywhere",
                    remedy="check the path")  # fmt: skip


def beside(found: Sequence[File], where: str, left_out: LeftOut) -> Layout | None:
    """Images and masks side by side: x.jpg and x_mask.png, or x.jpg and x.png; None where nothing tells them apart."""
    masks = [file for file in found if pairing.is_mask_name(file.stem) or file.suffix == "npy"]
    images = files.pictures(_without(found, masks))
    if not masks:
        images = [file for file in found if file.suffix in ("jpg", "jpeg")]
        masks = [file for file in found if file.suffix in ("png", "gif", "bmp")]
        if sorted(file.stem for file in images) != sorted(file.stem for file in masks):
            return None
    if not masks or not images:
        return None
    members = pairing.of_member((file.stem for file in masks), "mask")
    alphas = None
    if members:
        soft = pairing.of_member((file.stem for file in masks), "alpha")
        if soft and set(soft.values()) == set(members.values()):
            alphas = {soft[file.stem]: file for file in masks if file.stem in soft}
        for file in masks:
            if file.stem not in members and not (soft and file.stem in soft):
                left_out.add("side files of masks", file.name)
        masks = [replace(file, stem=members[file.stem]) for file in masks if file.stem in members]
        beside_masks = set(pairing.side_files([*(file.stem for file in images), *members.values()]))
        for file in images:
            if file.stem in beside_masks:
                left_out.add("side files of masks", file.name)
        images = [file for file in images if file.stem not in beside_masks]
    return Layout(files.by_stem(where, images), files.by_stem(where, masks), alphas, where, left_out)


def are_beside(root: Path) -> bool:
    """Whether a folder holds images together with their masks, and not the results of a segmenter alone."""
    left_out = LeftOut()
    found = files.walk(root, files.MASKS, left_out)
    if pairing.side_files([file.stem for file in found]):
        return False
    layout = beside(found, str(root), left_out)
    return layout is not None and len(pairing.pairs(list(layout.images), list(layout.masks))) == len(layout.masks)


def _without(found: Sequence[File], masks: Sequence[File]) -> list[File]:
    taken = {(file.stem, file.suffix) for file in masks}
    return [file for file in found if (file.stem, file.suffix) not in taken]


def _without_folder(file: File, folder: str) -> File | None:
    """A file as it is called without the folder of its kind; None if it is not in it."""
    parts = file.stem.split("/")
    if folder not in parts[:-1]:
        return None
    parts.remove(folder)
    return replace(file, stem="/".join(parts))


def _no_layout(root: Path, together: Path | None) -> UserError:
    if together is not None:
        return UserError(
            str(together), got="one folder of images and masks whose names do not tell them apart",
            expected="masks that are called like their images with _mask behind it", remedy="rename or divide them",
        )  # fmt: skip
    sets = [name for name in _SETS if (root / name).is_dir() and known_layout(root / name)]
    if sets:
        return UserError(
            str(root), got=f"labelled images in {', '.join(sets)}", expected="one of them",
            remedy=f"name {root / sets[0]}, say",
        )  # fmt: skip
    if _is_yolo(root) or _is_yolo(root / "labels"):
        return UserError(
            str(root), got="YOLO's polygons, which are not read", expected="masks, COCO instances, or a data set",
            remedy="export the data set in another format",
        )  # fmt: skip
    return UserError(
        "source", got=f"{root} with neither of " + ", ".join(f"{a}/ and {b}/" for a, b, _ in LAYOUTS[:3]),
        expected="a folder of images and one of masks", remedy="name them with --images and --masks",
    )  # fmt: skip


def _is_yolo(folder: Path) -> bool:
    """Whether labels are text files."""
    return _are_texts(folder, (".txt",))


def _are_texts(folder: Path, suffixes: Sequence[str] = (".txt", ".json", ".xml")) -> bool:
    """Whether labels are files that draw masks, of YOLO or COCO say, and no masks themselves."""
    if not folder.is_dir():
        return False
    kinds = {path.suffix for place in (folder, *folder.glob("*/")) for path in place.iterdir() if path.is_file()}
    return bool(kinds & {*suffixes}) and not kinds & {f".{name}" for name in files.MASKS}
