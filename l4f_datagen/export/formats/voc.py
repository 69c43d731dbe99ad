"""Pascal VOC's segmentation task: palette masks of classes and of objects, and image sets as lists of stems."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ...errors import UserError
from ...mask_files import png as mask_png
from ...masks import IGNORED
from ...shards.format.encoding import decode_image, encode_image
from ...storage import atomic
from ..item import Item
from ..target import Plan, Target, in_braces

_JPEG_QUALITY = 95
_LABEL_MAP = "# label:color_rgb:parts:actions"
_TAKEN = ("background", "ignored")
_FOREGROUND, _VOID = (128, 0, 0), (224, 224, 192)
"""VOC's colours of its first class and of void."""
PALETTE = [0, 0, 0, *_FOREGROUND, *[0] * 3 * (IGNORED - 2), *_VOID]


class Voc(Target):
    """``JPEGImages/``, ``SegmentationClass/``, ``SegmentationObject/``, ``ImageSets/Segmentation/`` and labelmap.txt.

    255 is void, VOC's word for ignored. The foreground of an image is one object. The label map tells CVAT and Datumaro
    the class's own name. VOC's readers ask for ``.jpg``: images that were stored in another format are encoded anew.
    """

    MASK_VALUES: ClassVar = ("palette", "01")

    def __init__(self, folder: Path, plan: Plan):
        super().__init__(folder, plan)
        name = plan.settings.class_name
        if name in _TAKEN or name.startswith("#") or name != name.strip() or {*":\n\r"} & {*name}:
            raise UserError(
                "class-name", got=repr(name), expected="a name that VOC's label map can hold",
                remedy="use another word than background and ignored, without a colon",
            )  # fmt: skip
        self._images, self._masks = self._create("JPEGImages"), self._create("SegmentationClass")
        self._objects = self._create("SegmentationObject")
        self._with_ignored = False
        lists = self._create("ImageSets", "Segmentation")
        self._encoded = 0
        self._open = contextlib.ExitStack()
        names = plan.image_sets if len(plan.image_sets) == 1 else (*plan.image_sets, "trainval")
        self._lists = {name: self._open.enter_context(atomic.open_part(lists / f"{name}.txt")) for name in names}

    def add(self, item: Item) -> None:
        """Copy or encode the image, write the mask, list the stem."""
        content = item.image
        if item.image_format != "jpg":
            content = encode_image(decode_image(content), "jpg", _JPEG_QUALITY)
            self._encoded += 1
        atomic.write_part(self._images / f"{item.key}.jpg", content)
        values = self.mask_values
        mask = mask_png.coloured(item.mask, PALETTE) if values == "palette" else item.mask_file(values)
        for place in (self._masks, self._objects):
            atomic.write_part(place / f"{item.key}.png", mask)
        self._with_ignored |= bool((item.mask == IGNORED).any())
        self._lists[item.image_set].write(f"{item.key}\n".encode())
        if "trainval" in self._lists and item.image_set != "test":
            self._lists["trainval"].write(f"{item.key}\n".encode())

    def finish(self) -> None:
        """Write the label map: the names of the palette's colours."""
        labels = {"background": (0, 0, 0), self.plan.settings.class_name: _FOREGROUND}
        if self._with_ignored:
            labels["ignored"] = _VOID
        lines = [f"{label}:{','.join(map(str, rgb))}::" for label, rgb in labels.items()]
        atomic.write_part(self.folder / "labelmap.txt", "\n".join([_LABEL_MAP, *lines, ""]).encode())

    def close(self) -> None:
        """Close the lists."""
        self._open.close()

    def contents(self) -> Mapping[str, str]:
        """For the card."""
        images = (
            "the images, as they were stored" if not self._encoded else f"the images, JPEG, quality {_JPEG_QUALITY}"
        )
        return {
            "JPEGImages/": images,
            "SegmentationClass/": f"masks, PNG: 1 is {self.plan.settings.class_name}, 255 void",
            "SegmentationObject/": "the same: the foreground of an image is its object 1",
            "labelmap.txt": "the class's name and its colour, for CVAT and Datumaro",
            f"ImageSets/Segmentation/{in_braces(list(self._lists))}.txt": "stems, one per line",
        }

    def notes(self) -> list[str]:
        """That images were encoded anew."""
        text = f"VOC wants JPEG: {self._encoded} images of another format were encoded at quality {_JPEG_QUALITY}"
        return [text] if self._encoded else []
