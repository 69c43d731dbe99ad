"""Label Studio: tasks whose brushes are masks already, for annotators to correct."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from ...errors import UserError
from ...masks import IGNORED
from ...run_lengths import of_brushes
from ...samples.drawn.images import IGNORED_LABEL
from ...storage import atomic
from ...versions import versions
from ..item import Item
from ..target import Plan, Target

LOCAL_FILES = "/data/local-files/?d="
"""What stands before the path of a file that Label Studio reads from its own disk."""
_SCORES = ("decisiveness", "stability", "mask_area", "components", "touches_border")
"""Columns by which annotators may want to sort or filter tasks."""
_CONFIGURATION = """<View>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
  <BrushLabels name="mask" toName="image">
    <Label value={name} background="#ff3030"/>
    <Label value={ignored} background="#808080"/>
  </BrushLabels>
</View>
"""


class LabelStudio(Target):
    """``tasks_SET.json`` with masks as predictions, ``images/SET/`` and the configuration of the labelling.

    Foreground is one brush region, ignored pixels another of the label "ignored". A task's prediction has the sample's
    decisiveness as its score.
    """

    NAMES_IMAGES: ClassVar = True

    def __init__(self, folder: Path, plan: Plan):
        super().__init__(folder, plan)
        name = plan.settings.class_name
        if name == IGNORED_LABEL:
            raise UserError(
                "class-name", got=name, expected="another name: this one stands for ignored pixels",
                remedy="change --class-name",
            )  # fmt: skip
        self._before = LOCAL_FILES if plan.settings.image_prefix is None else plan.settings.image_prefix
        version = versions(("l4f-datagen",))["l4f-datagen"]
        self._model = f"l4f-datagen {version}, {plan.description['fingerprint'][:12]}"
        for image_set in plan.image_sets:
            self._create("images", image_set)
        self._open = contextlib.ExitStack()
        self._files = {
            image_set: self._open.enter_context(atomic.open_part(folder / f"tasks_{image_set}.json"))
            for image_set in plan.image_sets
        }
        self._begun: set[str] = set()
        configuration = _CONFIGURATION.format(name=quoteattr(name), ignored=quoteattr(IGNORED_LABEL))
        atomic.write_part(folder / "labelling.xml", configuration.encode())

    def add(self, item: Item) -> None:
        """Copy the image; write its task."""
        place = f"images/{item.image_set}/{item.image_name}"
        atomic.write_part(self.folder / place, item.image)
        task = {
            "data": {
                "image": self._before + (quote(place) if self._before.endswith("=") else place),
                "key": item.key,
                **{name: item.metadata[name] for name in _SCORES},
            },
            "predictions": [
                {
                    "model_version": self._model,
                    "score": item.metadata["decisiveness"],
                    "result": self._regions(item.key, item.mask),
                }
            ],
        }
        text = json.dumps(task, separators=(",", ":"), ensure_ascii=False)
        file = self._files[item.image_set]
        file.write((",\n" if item.image_set in self._begun else "[\n").encode() + text.encode())
        self._begun.add(item.image_set)

    def finish(self) -> None:
        """End the lists of tasks."""
        for image_set, file in self._files.items():
            file.write(b"\n]\n" if image_set in self._begun else b"[]\n")

    def close(self) -> None:
        """Close the lists."""
        self._open.close()

    def contents(self) -> Mapping[str, str]:
        """For the card."""
        names = self._names()
        return {
            f"images/{names}/": "the images, as they were stored",
            f"tasks_{names}.json": "tasks to import; masks are predictions, brush regions as run lengths",
            "labelling.xml": "the project's labelling interface, to paste into its code",
        }

    def _regions(self, key: str, mask: np.ndarray) -> list[dict[str, Any]]:
        height, width = mask.shape
        found = []
        for label, value in ((self.plan.settings.class_name, 1), (IGNORED_LABEL, IGNORED)):
            region = mask == value
            if region.any():
                found.append(
                    {
                        "id": f"{key}-{value}",
                        "from_name": "mask",
                        "to_name": "image",
                        "type": "brushlabels",
                        "original_width": width,
                        "original_height": height,
                        "image_rotation": 0,
                        "value": {"format": "rle", "rle": of_brushes.encode(region), "brushlabels": [label]},
                    }
                )
        return found
