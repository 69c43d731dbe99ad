"""COCO instances: a JSON file and a folder of images."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from .. import run_lengths
from ..documents import read_file, read_json
from ..errors import UserError
from ..photographs.picture.decoding import head
from ..photographs.source import Notices
from ..short import short
from .pictures import picture_of
from .reading import Reading
from .sample import Picture, Problems, Samples

_USED = {
    "images": {"id": int, "file_name": str, "width": int, "height": int},
    "annotations": {"image_id": int, "category_id": int, "segmentation": (list, dict)},
    "categories": {"id": int, "name": str},
}
"""Keys that are used, and their types."""
_CROWD = 255
"""Regions that COCO's evaluation leaves out of account are ignored here as well."""
_MOST_BYTES = 1 << 29
"""Bytes that a file may have; that of COCO's own 118 000 training images has 450 MB."""


class CocoSamples(Samples):
    """Images in the order of the file; the foreground is the union of an image's instances."""

    KIND = "COCO instances"

    def __init__(self, path: Path, reading: Reading):
        run_lengths.require_pycocotools()
        self.name, self._notices = path.name, Notices()
        content, data = _load(path)
        categories = _categories(data, reading.categories)
        self.foreground = f"categories {', '.join(categories.values())}"
        if reading.foreground or reading.masks or reading.alphas:
            raise UserError(
                "import", got=f"{reading.flag}, --masks or --alphas for a COCO file", expected="--categories",
                remedy="leave them out",
            )  # fmt: skip
        self._entries = data["images"]
        self._folder = _image_folder(path, reading.images, self._entries)
        self._annotations: dict[int, list[Mapping[str, Any]]] = {}
        for annotation in data["annotations"]:
            if annotation["category_id"] in categories:
                self._annotations.setdefault(annotation["image_id"], []).append(annotation)
        self.ignores = any(_crowd(one) for some in self._annotations.values() for one in some)
        names = [entry["file_name"] for entry in self._entries]
        stems = [str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name for name in names]
        self.keys = stems if len(set(stems)) == len(stems) else names
        self._look(path, content)
        self.notes = tuple(self._told(path, data, reading))

    def picture(self, index: int) -> Picture:
        """One image."""
        file = self._folder / self._entries[index]["file_name"]
        return picture_of(file, str(file), self._notices)

    def mask(self, index: int) -> np.ndarray:
        """One mask, uint8 H×W: 1 in instances, 255 (ignored) in crowds; a pixel of both belongs to the instance.

        Raises:
            UserError: an annotation is none.
        """
        entry = self._entries[index]
        height, width = entry["height"], entry["width"]
        mask = np.zeros((height, width), np.uint8)
        annotations = self._annotations.get(entry["id"], ())
        for annotation in sorted(annotations, key=lambda annotation: -_crowd(annotation)):
            try:
                region = run_lengths.decode(annotation["segmentation"], height, width)
            except (KeyError, ValueError) as error:
                raise UserError(
                    f"annotation {short(annotation.get('id'))} of {entry['file_name']}", got=short(error, 200),
                    expected="a segmentation of the image's size", remedy="mend or remove it",
                ) from error  # fmt: skip
            mask[region] = _CROWD if _crowd(annotation) else 1
        return mask

    def where(self, index: int) -> str:
        """What messages call one of them."""
        return str(self._folder / self._entries[index]["file_name"])

    def _told(self, path: Path, data: Mapping[str, Any], reading: Reading) -> list[str]:
        """What is worth a word: images without foreground, annotations without an image."""
        known = {entry["id"] for entry in self._entries}
        labelled = {image for image, some in self._annotations.items() if not all(map(_crowd, some))} & known
        if not labelled and not reading.allow_empty:
            raise UserError(
                str(path), got=f"no foreground: none of {len(known)} images has an annotation of {self.foreground}",
                expected="foreground in at least one of them",
                remedy=f"check --categories, or insist with {reading.insist}",
            )  # fmt: skip
        notes = []
        if bare := len(known) - len(labelled):
            notes.append(f"{bare} of {len(known)} images have no annotation: they are background alone")
        if strangers := sum(annotation["image_id"] not in known for annotation in data["annotations"]):
            notes.append(f"left out {strangers} annotations of images that the file does not name")
        return notes

    def _look(self, path: Path, content: bytes) -> None:
        """Look at every image's head: what is wrong with them."""
        problems, digest = Problems(str(path)), hashlib.sha256(content)
        for kind, field in (("image numbers that occur twice", "id"), ("image names that occur twice", "file_name")):
            for value, count in Counter(entry[field] for entry in self._entries).items():
                if count > 1:
                    problems.add(kind, short(value))
        for entry in self._entries:
            name = entry["file_name"]
            place = PurePosixPath(name)
            if place.is_absolute() or ".." in place.parts or not place.name:
                problems.add("image names that lead out of the folder", short(name))
                continue
            file = self._folder / name
            try:
                found = head(file)
                size = file.stat().st_size
            except (OSError, ValueError) as error:
                there = _holds(self._folder, name)
                kind = "images that cannot be read" if there else f"images that are not in {self._folder}"
                problems.add(kind, short(name), error if there else "")
                continue
            if found.size != (entry["width"], entry["height"]):
                problems.add(*_another_size(entry, found.size, found.stored))
            digest.update(repr((name, size)).encode())
        problems.check("mend the files, or name their folder with --images")
        self.digest = digest.hexdigest()


def _another_size(entry: Mapping[str, Any], size: tuple[int, int], stored: tuple[int, int]) -> tuple[str, str]:
    name = short(entry["file_name"])
    if stored == (entry["width"], entry["height"]):
        return "images that the masks fit only before their EXIF turns them: turn the pixels and remove that tag", name
    return "images of another size than the file says", f"{name}: {size[0]}×{size[1]}"


def _crowd(annotation: Mapping[str, Any]) -> int:
    return 1 if annotation.get("iscrowd", 0) in (1, True) else 0


def _load(path: Path) -> tuple[bytes, dict[str, Any]]:
    """A COCO file and what it holds, checked as far as it is used."""
    content = read_file(path, most=_MOST_BYTES)
    data = read_json(content, str(path), kind=(dict, list), most=_MOST_BYTES)
    try:
        for name, keys in _USED.items():
            for entry in data[name]:
                if wrong := [key for key, kind in keys.items() if not _is(entry.get(key), kind)]:
                    raise ValueError(f"an entry of {name} without a proper {wrong[0]}")
        if not data["images"]:
            raise ValueError("no images")
        if wrong := [entry for entry in data["images"] if min(entry["width"], entry["height"]) < 1]:
            raise ValueError(f"an image of {wrong[0]['width']}×{wrong[0]['height']} pixels")
    except KeyError as error:
        raise UserError(
            str(path), got=f"JSON without {error}", expected="COCO instances: images, annotations and categories",
            remedy="check the file",
        ) from error  # fmt: skip
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            str(path), got=f"no COCO instances ({short(error, 200)})", expected="images, annotations and categories",
            remedy="check the file",
        ) from error  # fmt: skip
    return content, data


def _is(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _categories(data: Mapping[str, Any], wanted: Sequence[str] | None) -> dict[int, str]:
    """Names of the categories that are foreground, by number."""
    known = {category["id"]: category["name"] for category in data["categories"]}
    if unknown := sorted(set(wanted or ()) - set(known.values())):
        raise UserError(
            "categories", got=unknown[0], expected=f"of: {short(', '.join(sorted(known.values())), 2000)}",
            remedy="change --categories",
        )  # fmt: skip
    return {number: name for number, name in known.items() if wanted is None or name in wanted}


def _image_folder(path: Path, given: str | None, entries: Sequence[Mapping[str, Any]]) -> Path:
    """The folder that holds the images: the one given, or the first of the usual ones that has one of them."""
    name = entries[0]["file_name"]
    if given is not None:
        candidates = [path.parent / given, Path(given).expanduser()]
        found = next((folder for folder in candidates if folder.is_dir()), None)
    else:
        image_set = path.stem.removeprefix("instances_")
        above = path.resolve().parent.parent
        candidates = [
            path.parent / "images", above / image_set, above / "images", above / "images" / image_set,
            path.parent / image_set, path.parent, above,
        ]  # fmt: skip
        found = next((folder for folder in candidates if _holds(folder, name)), None)
    if found is None:
        raise UserError(
            "images", got=f"no folder that holds {short(name)}" if given is None else f"{given}, no folder",
            expected=f"the images of {path.name}", remedy="name their folder with --images",
        )  # fmt: skip
    return found


def _holds(folder: Path, name: str) -> bool:
    try:
        return (folder / name).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
