"""COCO instances: a JSON file and a folder of images."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ...errors import UserError
from ...settings import ImportSettings
from ...shards import runs
from . import images
from .source import Labelled, Problems, Source

_USED = {
    "images": {"id": int, "file_name": str, "width": int, "height": int},
    "annotations": {"image_id": int, "category_id": int, "segmentation": (list, dict)},
    "categories": {"id": int, "name": str},
}
"""Keys that are used, and their types."""
_CROWD = 255
"""Regions that COCO's evaluation leaves out of account are ignored here as well."""


class CocoSource(Source):
    """Images in the order of the file; the foreground is the union of an image's instances."""

    KIND = "COCO instances"

    def __init__(self, settings: ImportSettings):
        runs.require_pycocotools()
        path = Path(settings.source).expanduser()
        self.name = path.name
        content, data = _load(path)
        categories = _categories(data, settings.categories)
        self.foreground = f"categories {', '.join(categories.values())}"
        if settings.foreground_values or settings.masks or settings.alphas:
            raise UserError(
                "import", got="--foreground-values, --masks or --alphas for a COCO file", expected="--categories",
                remedy="leave them out",
            )  # fmt: skip
        self._entries = data["images"]
        self._folder = _image_folder(path, settings.images, self._entries)
        self._annotations: dict[int, list[Mapping[str, Any]]] = {}
        for annotation in data["annotations"]:
            if annotation["category_id"] in categories:
                self._annotations.setdefault(annotation["image_id"], []).append(annotation)
        self._look(path, content)
        self.notes = (f"foreground is {self.foreground}",)

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, index: int) -> Labelled:
        """One image's labels."""
        entry = self._entries[index]
        return Labelled(path=self._folder / entry["file_name"], mask=self._mask(entry))

    def _mask(self, entry: Mapping[str, Any]) -> np.ndarray:
        """What is an instance and crowd is an instance.

        Raises:
            UserError: an annotation is none.
        """
        height, width = entry["height"], entry["width"]
        mask = np.zeros((height, width), np.uint8)
        annotations = self._annotations.get(entry["id"], ())
        for annotation in sorted(annotations, key=lambda annotation: -annotation.get("iscrowd", 0)):
            try:
                region = runs.decode(annotation["segmentation"], height, width)
            except (KeyError, ValueError) as error:
                raise UserError(
                    f"annotation {annotation.get('id')} of {entry['file_name']}", got=error,
                    expected="a segmentation of the image's size", remedy="mend or remove it",
                ) from error  # fmt: skip
            mask[region] = _CROWD if annotation.get("iscrowd", 0) else 1
        return mask

    def _look(self, path: Path, content: bytes) -> None:
        """Look at every image's head: what is wrong with them."""
        problems, digest = Problems(str(path)), hashlib.sha256(content)
        for entry in self._entries:
            name = entry["file_name"]
            place = PurePosixPath(name)
            if place.is_absolute() or ".." in place.parts:
                problems.add("image names that lead out of the folder", name)
                continue
            file = self._folder / name
            if not file.is_file():
                problems.add(f"images that are not in {self._folder}", name)
                continue
            try:
                width, height = images.size(file)
            except images.BROKEN:
                problems.add("images that cannot be read", name)
                continue
            if (width, height) != (entry["width"], entry["height"]):
                problems.add("images of another size than the file says", f"{name}: {width}×{height}")
            digest.update(repr((name, file.stat().st_size)).encode())
        problems.check("mend the files, or name their folder with --images")
        self.digest = digest.hexdigest()


def _load(path: Path) -> tuple[bytes, dict[str, Any]]:
    """A COCO file and what it holds, checked as far as it is used."""
    try:
        content = path.read_bytes()
        data = json.loads(content)
        for name, keys in _USED.items():
            for entry in data[name]:
                if wrong := [key for key, kind in keys.items() if not isinstance(entry.get(key), kind)]:
                    raise ValueError(f"an entry of {name} without a proper {wrong[0]}")
        if not data["images"]:
            raise ValueError("no images")
    except OSError as error:
        raise UserError("source", got=f"{path} ({error.strerror})", expected="a file", remedy="check it") from error
    except KeyError as error:
        raise UserError(
            str(path), got=f"JSON without {error}", expected="COCO instances: images, annotations and categories",
            remedy="check the file",
        ) from error  # fmt: skip
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            str(path), got=f"no COCO instances ({error})", expected="images, annotations and categories",
            remedy="check the file",
        ) from error  # fmt: skip
    return content, data


def _categories(data: Mapping[str, Any], wanted: Sequence[str] | None) -> dict[int, str]:
    """Names of the categories that are foreground, by number."""
    known = {category["id"]: category["name"] for category in data["categories"]}
    if unknown := sorted(set(wanted or ()) - set(known.values())):
        raise UserError(
            "categories", got=unknown[0], expected=f"of: {', '.join(sorted(known.values()))}",
            remedy="change --categories",
        )  # fmt: skip
    return {number: name for number, name in known.items() if wanted is None or name in wanted}


def _image_folder(path: Path, given: str | None, entries: Sequence[Mapping[str, Any]]) -> Path:
    """The folder that holds the images: the one given, or the first of the usual ones that has one of them."""
    if given is not None:
        candidates = [path.parent / given, Path(given).expanduser()]
        found = next((folder for folder in candidates if folder.is_dir()), None)
    else:
        image_set = path.stem.removeprefix("instances_")
        above = path.resolve().parent.parent
        candidates = [path.parent / "images", above / image_set, above / "images", path.parent / image_set, path.parent]
        found = next((folder for folder in candidates if (folder / entries[0]["file_name"]).is_file()), None)
    if found is None:
        raise UserError(
            "images", got=f"no folder that holds {entries[0]['file_name']}" if given is None else f"{given}, no folder",
            expected=f"the images of {path.name}", remedy="name their folder with --images",
        )  # fmt: skip
    return found
