"""The data set that every reader reads, and its exports."""

from functools import cached_property
from pathlib import Path

import numpy as np

import l4f_datagen as l4f
from l4f_datagen.export.formats import target_of
from l4f_datagen.export.run import export
from l4f_datagen.settings import ExportSettings

from ..export.conftest import masks, write_masks

CLASS = "big boat"


class Sets:
    """Ten samples in three shards; masks of every shape, two of them with ignored pixels. Exports are made once."""

    def __init__(self, place: Path):
        self._place = place
        self.folder = write_masks(place / "shards", masks())
        self.truth = {sample.key: sample for sample in l4f.open_dataset(self.folder)}

    @cached_property
    def rows(self) -> list[dict]:
        """The metadata in order."""
        return [sample.metadata for sample in self.truth.values()]

    def room(self, name: str) -> Path:
        """A folder for what a reader writes."""
        path = self._place / "rooms" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def exported(self, form: str) -> Path:
        """The data set in another format."""
        out = self._place / form
        if not out.exists():
            named = {"class_name": CLASS} if target_of(form).NAMES_CLASS else {}
            export(ExportSettings(format=form, **named), self.folder, out)
        return out

    def check_masks(self, found: dict[str, np.ndarray], *, ignored: bool = True) -> None:
        """Compare masks by key; without ``ignored`` only which pixels are foreground."""
        assert found.keys() == self.truth.keys(), found.keys() ^ self.truth.keys()
        for key, sample in self.truth.items():
            expected = sample.mask if ignored else (sample.mask == 1)
            np.testing.assert_array_equal(np.asarray(found[key]), expected, err_msg=key)
