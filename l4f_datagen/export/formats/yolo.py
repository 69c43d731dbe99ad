"""Ultralytics YOLO's segmentation labels: normalised polygons."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from ...masks import IGNORED
from ...storage import atomic
from ..item import Item
from ..polygons import polygons
from ..target import Plan, Target


class Yolo(Target):
    """``images/SET/``, ``labels/SET/`` and ``data.yaml``.

    A line per connected component. YOLO has no word for ignored pixels: they count as background.
    """

    def __init__(self, folder: Path, plan: Plan):
        super().__init__(folder, plan)
        for image_set in plan.image_sets:
            for name in ("images", "labels"):
                self._create(name, image_set)
        self._with_ignored = 0

    def add(self, item: Item) -> None:
        """Copy the image, write its polygons; none for an image without foreground."""
        mask = item.mask
        self._with_ignored += bool((mask == IGNORED).any())
        size = mask.shape[::-1]
        lines = ["0 " + " ".join(f"{value:.7g}" for value in (line / size).ravel()) for line in polygons(mask)]
        atomic.write_part(self.folder / "images" / item.image_set / item.image_name, item.image)
        atomic.write_part(
            self.folder / "labels" / item.image_set / f"{item.key}.txt", "".join(f"{line}\n" for line in lines).encode()
        )

    def finish(self) -> None:
        """Write ``data.yaml``. Without ``path``, YOLO looks beside it, wherever the folder goes."""
        # YOLO wants both, train and val.
        first = self.plan.image_sets[0]
        sets = {"train": f"images/{first}", "val": f"images/{first}"}
        sets |= {name: f"images/{name}" for name in self.plan.image_sets if name != "default"}
        content = {**sets, "nc": 1, "names": {0: self.plan.settings.class_name}}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        atomic.write_part(self.folder / "data.yaml", text.encode())

    def contents(self) -> Mapping[str, str]:
        """For the card."""
        names = self._names()
        return {
            f"images/{names}/": "the images, as they were stored",
            f"labels/{names}/": "a line per connected component: class, then x y of its polygon, shares of width "
            "and height; a hole is reached over a cut of no width",
            "data.yaml": "for `yolo segment train data=data.yaml`",
        }

    def notes(self) -> list[str]:
        """That ignored pixels became background."""
        text = f"YOLO cannot say ignored: in {self._with_ignored} samples such pixels count as background"
        return [text] if self._with_ignored else []
