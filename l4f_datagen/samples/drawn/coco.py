"""COCO instances: a JSON file and a folder of images."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ...documents import read_file, read_json
from ...errors import UserError
from ...run_lengths import of_coco
from ...short import short
from ..reading import Reading
from ..sample import Problems
from .images import IGNORED_LABEL, Drawing, DrawnSamples, Named, chosen

_USED = {
    "images": {"id": int, "file_name": str, "width": int, "height": int},
    "annotations": {"image_id": int, "category_id": int, "segmentation": (list, dict)},
    "categories": {"id": int, "name": str},
}
"""Keys that are used, and their types."""
MOST_BYTES = 1 << 29
"""Bytes that a file may have; that of COCO's own 118 000 training images has 450 MB."""
_DATUMARO = [{"name": "", "id": 0, "url": ""}]
"""The licences of a file that Datumaro wrote, and CVAT with it."""


class CocoSamples(DrawnSamples):
    """Images in the order of the file; the foreground is the union of an image's instances.

    Crowds, which COCO's evaluation leaves out of account, are ignored here as well. Datumaro, and CVAT with it, writes
    every mask as a crowd and polygons alone as instances: of its files, all are foreground but those of a category
    that is called "ignored".
    """

    KIND = "COCO instances"

    def __init__(self, path: Path, reading: Reading):
        of_coco.require_pycocotools()
        content, data = _load(path)
        known = {category["id"]: category["name"] for category in data["categories"]}
        names = chosen(known.values(), reading.categories)
        self.foreground = f"categories {', '.join(names)}"
        self._masks_are_crowds = data.get("licenses") == _DATUMARO
        entries = data["images"]
        problems = Problems(str(path))
        for value, count in Counter(entry["id"] for entry in entries).items():
            if count > 1:
                problems.add("image numbers that occur twice", short(value))
        problems.check("mend the file")
        self._numbers_of_images = [entry["id"] for entry in entries]
        self._annotations: dict[int, list[Mapping[str, Any]]] = {}
        self._ignored = {number for number, name in known.items() if name == IGNORED_LABEL and name not in names}
        for annotation in data["annotations"]:
            if known.get(annotation["category_id"]) in names or annotation["category_id"] in self._ignored:
                self._annotations.setdefault(annotation["image_id"], []).append(annotation)
        images = [Named(entry["file_name"], (entry["width"], entry["height"])) for entry in entries]
        super().__init__(path, content, images, reading)
        numbers = set(self._numbers_of_images)
        if strangers := sum(annotation["image_id"] not in numbers for annotation in data["annotations"]):
            self.notes = (*self.notes, f"left out {strangers} annotations of images that the file does not name")
        if self._masks_are_crowds and any(_crowd(one) for some in self._annotations.values() for one in some):
            self.notes = (*self.notes, "crowds are foreground: Datumaro and CVAT, which wrote the file, make every "
                          "mask a crowd")  # fmt: skip

    def drawings(self, index: int) -> list[Drawing]:
        """An image's annotations."""
        return [
            Drawing(
                f"annotation {short(annotation.get('id'))}",
                partial(of_coco.decode, annotation["segmentation"]),
                annotation["category_id"] in self._ignored or (_crowd(annotation) and not self._masks_are_crowds),
            )
            for annotation in self._annotations.get(self._numbers_of_images[index], ())
        ]


def _crowd(annotation: Mapping[str, Any]) -> bool:
    return annotation.get("iscrowd", 0) in (1, True)


def _load(path: Path) -> tuple[bytes, dict[str, Any]]:
    """A COCO file and what it holds, checked as far as it is used."""
    content = read_file(path, most=MOST_BYTES)
    data = read_json(content, str(path), kind=(dict, list), most=MOST_BYTES)
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
