"""Samples of a generator and its alpha network, drawn when they are asked for and stored nowhere."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from ..errors import UserError
from ..generation.by_index import SamplesByIndex
from ..masks import MaskLaw
from ..sample import Sample
from ..settings import GenerateSettings, fingerprint, load_pipeline, validate
from ..settings.sharded import Sharded
from ..shards.folder import read_description
from ..shards.format import layout
from ..short import short
from ..weights import locate, native, result_of
from ..weights.native.cards import training_of
from .sample import Labelled, Picture, Samples

LEARNED, HELD_OUT = range(900_000_000), range(900_000_000, 1_000_000_000)
"""Indices to learn from, and indices to test on; together those that a data set may have."""
_REMEMBERED = 16
"""Samples that are remembered, since image, mask and alpha of one are asked for one after the other."""


class GeneratorSamples(Samples):
    """The samples of some indices. Sample ``i`` depends on settings and ``i`` alone."""

    KIND = "generator"
    has_alphas = generated = has_foregrounds = True

    def __init__(self, place: str, drawing: SamplesByIndex, indices: range):
        self.name, self._place, self._drawing, self.indices = f"generator:{place}", place, drawing, indices
        settings = drawing.settings
        self.keys = _Keys(indices)
        self.law = MaskLaw(
            threshold=settings.threshold, largest_component=settings.largest_component,
            fill_holes=settings.fill_holes, ignore_band=settings.ignore_band,
        )  # fmt: skip
        self.endless = indices == LEARNED
        self.blended, self.ignores = settings.blend, settings.ignore_band is not None
        self.licence = drawing.models.generator_source.licence
        self.digest = fingerprint(self.identity)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(lambda index: self._drawing.draw([index])[0])

    @property
    def identity(self) -> dict[str, Any]:
        """What its content depends on."""
        return {"drawn": self._drawing.identity, "first": self.indices.start, "samples": len(self)}

    def held_out(self, count: int) -> "GeneratorSamples":
        """The first ``count`` samples that nobody learns from."""
        return GeneratorSamples(self._place, self._drawing, HELD_OUT[:count])

    def read(self, index: int, *, foreground: bool = False) -> Labelled:
        """One image and its truth."""
        return self._labelled(self._sample(index), foreground)

    def read_all(self, wanted: Sequence[tuple[int, bool]]) -> list[Labelled]:
        """As ``read`` of each, drawn together."""
        numbers = list(dict.fromkeys(number for number, _ in wanted))
        drawn = dict(zip(numbers, self._drawing.draw([self.indices[number] for number in numbers]), strict=True))
        return [self._labelled(drawn[number], foreground) for number, foreground in wanted]

    def picture(self, index: int) -> Picture:
        """One composite."""
        return Picture(image=self._sample(index).image)

    def mask(self, index: int) -> np.ndarray:
        """One mask."""
        return self._sample(index).mask

    def alpha(self, index: int) -> np.ndarray:
        """One alpha."""
        return self._sample(index).alpha

    def number(self, key: str) -> int:
        """Which of them has this key."""
        return self.indices.index(int(key))

    def _sample(self, index: int) -> Sample:
        return self._remembered(self.indices[index])

    def _labelled(self, sample: Sample, foreground: bool) -> Labelled:
        image = sample.foreground if foreground else sample.image
        assert image is not None, "the settings keep foregrounds"
        hard = self.blended == "mask" and not foreground
        return Labelled(image, sample.alpha, sample.mask, law=self.law, hard=hard)


def open_generator(
    place: str, *, device: str = "auto", split: Literal["train", "test"] = "train", count: int | None = None
) -> GeneratorSamples:
    """The samples that a generator, or settings of ``generate``, would give.

    Args:
        place: what ``settings_of`` takes.
        device: where the networks run.
        split: "train" for indices to learn from, "test" for those that nobody learns from.
        count: how many, the first ones; None: all.

    Raises:
        UserError: as ``settings_of``, or the checkpoints or the device cannot be used.
    """
    settings = settings_of(place).model_copy(update={"device": device, "save": ("foreground",)})
    indices = {"train": LEARNED, "test": HELD_OUT}[split]
    return GeneratorSamples(place, SamplesByIndex(settings), indices[:count])


def settings_of(place: str) -> GenerateSettings:
    """The settings of ``generate`` that a place stands for.

    Args:
        place: a generator with its alpha network beside it, a path or an embedded name; the result of ``train-alpha``,
            whose card names the generator; a pipeline file with a section ``generate``; or the folder or
            ``dataset.json`` of a data set that ``generate`` made.

    Raises:
        UserError: it is none of these.
    """
    path = Path(place).expanduser()
    if path.suffix.lower() in (".yaml", ".yml"):
        section = load_pipeline(place).section(GenerateSettings.SECTION)
        if section is None:
            raise UserError(
                place, got="no section generate", expected="generate: and its settings", remedy="add it to the file"
            )
        return validate(GenerateSettings, section, place)
    if path.name == layout.DATASET or (place.strip() and (path / layout.DATASET).is_file()):
        return _of_data_set(path.parent if path.name == layout.DATASET else path)
    found = result_of(locate(place))
    folder = found.parent if native.kind_of(found) == "alpha" else found
    if not native.is_native(folder):
        return validate(GenerateSettings, {"generator": place})
    if native.network_file(folder, "alpha") and not native.network_file(folder, "generator"):
        generator = training_of(folder, "alpha", "generator")["generator"]
        return validate(GenerateSettings, {"generator": str(generator), "alpha": place})
    return validate(GenerateSettings, {"generator": place})


def _of_data_set(folder: Path) -> GenerateSettings:
    description = read_description(folder)
    stored = {**Sharded.BEFORE, **description["settings"]}
    if "alpha" not in description["checkpoints"] or not stored.keys() <= GenerateSettings.by_outer_name().keys():
        raise UserError(
            str(folder), got="a data set that generate did not make", expected="a data set of generate",
            remedy="learn from it as it is, without generator: before it",
        )  # fmt: skip
    if isinstance(function := description.get("reference"), str):
        raise UserError(
            str(folder), got=f"a data set whose samples a function judged, {short(function)}",
            expected="one that its settings alone describe",
            remedy="learn from it as it is, without generator: before it",
        )  # fmt: skip
    return validate(GenerateSettings, stored, str(folder / layout.DATASET))


class _Keys(Sequence[str]):
    """The names of samples by their indices, nine digits, without a list of them."""

    def __init__(self, indices: range):
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "_Keys": ...
    def __getitem__(self, index: int | slice) -> "str | _Keys":
        return _Keys(self._indices[index]) if isinstance(index, slice) else f"{self._indices[index]:09d}"
