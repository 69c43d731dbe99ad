"""COCO instances: JSON with a run-length mask, a box and an area per image."""

import contextlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ...masks import IGNORED
from ...run_lengths import of_coco
from ...storage import atomic
from ..item import Item
from ..target import Plan, Target

_CATEGORY = 1


class Coco(Target):
    """``annotations/instances_SET.json`` and the images of every set in ``images/SET/``, as CVAT and Datumaro have it.

    The foreground of an image is one annotation. Ignored pixels are another with ``iscrowd`` 1, which
    COCO's evaluation leaves out of account. An image without foreground has no annotation.
    """

    def __init__(self, folder: Path, plan: Plan):
        super().__init__(folder, plan)
        of_coco.require_pycocotools()
        self._with_ignored = 0
        annotations = self._create("annotations")
        for image_set in plan.image_sets:
            self._create("images", image_set)
        self._open = contextlib.ExitStack()
        self._files = {
            name: self._open.enter_context(_Instances(annotations / f"instances_{name}.json", self._head()))
            for name in plan.image_sets
        }

    def add(self, item: Item) -> None:
        """Copy the image; write its entry and its annotations."""
        atomic.write_part(self.folder / "images" / item.image_set / item.image_name, item.image)
        height, width = item.mask.shape
        # Numbers follow from the sample's index, not from its place: they stay when a data set grows.
        # Annotations count from 1, since COCO's evaluation takes 0 for "none".
        number = item.metadata["index"]
        file = self._files[item.image_set]
        file.add_image({"id": number + 1, "file_name": item.image_name, "width": width, "height": height, "license": 1})
        self._with_ignored += bool((item.mask == IGNORED).any())
        for crowd, value in enumerate((1, IGNORED)):
            region = item.mask == value
            if region.any():
                file.add_annotation(
                    {
                        "id": 2 * number + 1 + crowd,
                        "image_id": number + 1,
                        "category_id": _CATEGORY,
                        "iscrowd": crowd,
                        **of_coco.encode(region),
                    }
                )

    def finish(self) -> None:
        """Put the files together."""
        for file in self._files.values():
            file.finish()

    def close(self) -> None:
        """Close the parts."""
        self._open.close()

    def contents(self) -> Mapping[str, str]:
        """For the card."""
        names = self._names()
        return {
            f"images/{names}/": "the images, as they were stored",
            f"annotations/instances_{names}.json": "the foreground of an image as one annotation, run-length "
            "encoded; ignored pixels as another, with `iscrowd` 1",
        }

    def notes(self) -> list[str]:
        """What becomes of ignored pixels elsewhere."""
        text = f"in {self._with_ignored} samples ignored pixels are crowds, which CVAT takes for masks of the class"
        return [text] if self._with_ignored else []

    def _head(self) -> dict[str, Any]:
        return {
            "info": {"description": "exported by l4f-datagen", "version": "1.0"},
            "licenses": [{"id": 1, "name": self.plan.licence, "url": ""}],
            "categories": [
                {"id": _CATEGORY, "name": self.plan.settings.class_name, "supercategory": ""},
            ],
        }


class _Instances:
    """One JSON file whose lists of images and annotations grow side by side, each in a file of its own."""

    LISTS: ClassVar = ("images", "annotations")

    def __init__(self, path: Path, head: Mapping[str, Any]):
        self._path, self._head = path, head
        self._parts = {name: path.with_name(f"{path.stem}.{name}.part") for name in self.LISTS}
        self._open = contextlib.ExitStack()
        self._files = {name: self._open.enter_context(atomic.open_part(part)) for name, part in self._parts.items()}
        self._begun = set()

    def __enter__(self) -> "_Instances":
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def add_image(self, entry: Mapping[str, Any]) -> None:
        self._add("images", entry)

    def add_annotation(self, entry: Mapping[str, Any]) -> None:
        self._add("annotations", entry)

    def finish(self) -> None:
        with atomic.open_part(self._path) as file:
            file.write(_json(self._head)[:-1])
            for name, part in self._files.items():
                file.write(f',\n"{name}": ['.encode())
                part.seek(0)
                shutil.copyfileobj(part, file)
                file.write(b"\n]")
                part.close()
                self._parts[name].unlink()
            file.write(b"}\n")

    def _add(self, name: str, entry: Mapping[str, Any]) -> None:
        separator = b",\n" if name in self._begun else b"\n"
        self._begun.add(name)
        self._files[name].write(separator + _json(entry))


def _json(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()
