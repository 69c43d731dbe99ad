"""FiftyOne's ImageSegmentationDirectory: ``data/`` and ``labels/`` with the same stems."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ...storage import atomic
from ..item import Item
from ..target import Plan, Target


class FiftyOne(Target):
    """``data/`` and ``labels/``; in a folder per image set when there are more, each a data set of its own.

    FiftyOne takes a mask's pixel values as classes and reads a palette as colours, so there is no palette.
    """

    MASK_VALUES: ClassVar = ("01", "0255")

    def __init__(self, folder: Path, plan: Plan):
        super().__init__(folder, plan)
        for image_set in plan.image_sets:
            for name in ("data", "labels"):
                self._create(self._set_folder(image_set), name)

    def add(self, item: Item) -> None:
        """Copy the image, write the mask."""
        folder = self.folder / self._set_folder(item.image_set)
        atomic.write_part(folder / "data" / item.image_name, item.image)
        atomic.write_part(folder / "labels" / f"{item.key}.png", item.mask_file(self.mask_values))

    def contents(self) -> Mapping[str, str]:
        """For the card."""
        where = f"{self._names()}/" if len(self.plan.image_sets) > 1 else ""
        value = 255 if self.mask_values == "0255" else 1
        return {
            f"{where}data/": "the images, as they were stored",
            f"{where}labels/": "masks, PNG, under the same stems; load them with "
            f'`mask_targets={{{value}: "{self.plan.settings.class_name}"}}`',
        }
