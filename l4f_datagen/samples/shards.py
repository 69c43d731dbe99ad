"""Data set folders of ours, here or behind an address."""

import bisect
import itertools
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np

from ..addresses import shown
from ..errors import UserError
from ..mask_files import png as mask_png
from ..mask_files.values import MaskValues
from ..masks import IGNORED, law_of
from ..settings import fingerprint
from ..settings.reject_list import RejectList
from ..shards import folder, reader
from ..shards.damage import Damaged
from ..shards.format import encoding, layout, sides
from .masks.classes import Classes, named, parse
from .reading import Reading
from .sample import UNKNOWN_LICENCE, Labelled, Picture, Samples

_INDEXED_SHARDS = 256
"""Shards whose members' places are remembered at a time."""


class ShardSamples(Samples):
    """The samples of a data set; goes straight to each member. A shard's headers are read when it is met first."""

    KIND = "data set"
    has_alphas = True

    def __init__(self, place: str, reading: Reading):
        dataset = reader.open_dataset(place)
        self.store = dataset.store
        self.name = shown(str(self.store))
        description = dataset.description
        self.generated = "alpha" in description["checkpoints"]
        self._mask_values: MaskValues = dataset.mask_values
        self.law, self.blended = law_of(description), description["settings"].get("blend", "alpha")
        self.licence = _licence(description)
        self._ends = list(itertools.accumulate(folder.shard_lengths(description).values()))
        self.keys = [f"{index:09d}" for index in range(self._ends[-1])]
        self.identity = {"identity": description["identity"], "samples": len(self)}
        self.digest = fingerprint(self.identity)
        self._members = lru_cache(maxsize=_INDEXED_SHARDS)(self._index)
        self.has_foregrounds = any("foreground" in name for name in self._members(0)[0])
        self._reading, self._classes = reading, None
        self.ignores = self.law is not None and self.law.ignore_band is not None
        if reading.foreground is not None:
            foreground = frozenset(parse(text, reading.flag) for text in reading.foreground)
            self._classes = Classes(foreground, frozenset({IGNORED}) - foreground)
            self.law = None
            self.foreground = str(self._classes)

    identity: dict[str, Any] = {}  # noqa: RUF012, of an instance

    def kept(self, without: RejectList) -> list[int]:
        """The samples that no entry of a list names. Metadata are read of those whose keys stand in it, alone."""
        return [index for index in range(len(self)) if not (without.may_name(index) and self._named(index, without))]

    def _named(self, index: int, without: RejectList) -> bool:
        with self._damage(index):
            (content,) = self._content(index, ["json"])
            return without.names(index, encoding.decode_metadata({"json": content})["candidate"])

    def read(self, index: int, *, foreground: bool = False) -> Labelled:
        """One image and its truth."""
        image, alpha, mask = self._parts(index, ("image", "alpha.png", "mask.png"), foreground=foreground)
        if not image.shape[:2] == alpha.shape == mask.shape:
            raise self.of_two_sizes(index)
        return Labelled(image, alpha, mask, law=self.law, hard=self.blended == "mask" and not foreground)

    def picture(self, index: int) -> Picture:
        """One composite, as it is stored."""
        members = self._place(index)[1]
        image_format = next((name for name in encoding.IMAGE_FORMATS if name in members), "image")
        with self._damage(index):
            content = self._content(index, [image_format])[0]
            return Picture(image=self._decoded(image_format, content), format=image_format, content=content)

    def mask(self, index: int) -> np.ndarray:
        """One mask."""
        return self._parts(index, ("mask.png",))[0]

    def alpha(self, index: int) -> np.ndarray:
        """One alpha."""
        return self._parts(index, ("alpha.png",))[0]

    def of_two_sizes(self, index: int) -> Exception:
        """``Damaged``: what was written has one size."""
        tar = self.store.where(layout.tar(bisect.bisect_right(self._ends, index)))
        return Damaged(tar, "image, alpha and mask are not of one size", sample=self.keys[index])

    def _parts(self, index: int, names: Iterable[str], *, foreground: bool = False) -> list[np.ndarray]:
        members = self._place(index)[1]
        prefix = "foreground." if foreground else ""
        image = next((prefix + name for name in encoding.IMAGE_FORMATS if prefix + name in members), f"{prefix}image")
        names = [image if name == "image" else name for name in names]
        with self._damage(index):
            contents = self._content(index, names)
            decoded = [self._decoded(name, content) for name, content in zip(names, contents, strict=True)]
        return [
            self._understood(index, array) if name == "mask.png" else array
            for name, array in zip(names, decoded, strict=True)
        ]

    def _decoded(self, name: str, content: bytes) -> np.ndarray:
        sides.of(content, name)
        sides.check_whole(content, name.rpartition(".")[2])
        if name == "mask.png":
            return mask_png.decode(content, self._mask_values)
        return encoding.decode_grey(content) if name == "alpha.png" else encoding.decode_image(content)

    def _understood(self, index: int, mask: np.ndarray) -> np.ndarray:
        """Class indices as they were asked for."""
        if self._reading.stored:
            return mask
        if self._classes is not None:
            return self._classes.mask(mask)
        if not np.isin(mask, (0, 1, IGNORED)).all():
            found = [int(v) for v in np.unique(mask) if v != IGNORED]
            raise UserError(
                f"{self.name}: {self.keys[index]}.mask.png", got=f"a mask of classes {named(found)}",
                expected="two classes, 0 and 1",
                remedy=f"name the classes that are foreground with {self._reading.flag}",
            )  # fmt: skip
        return mask

    def _place(self, index: int) -> tuple[int, dict[str, tuple[int, int]]]:
        shard = bisect.bisect_right(self._ends, index)
        return shard, self._members(shard)[index - (self._ends[shard - 1] if shard else 0)]

    def _content(self, index: int, names: Iterable[str]) -> list[bytes]:
        shard, members = self._place(index)
        with self.store.open(layout.tar(shard)) as file:
            return [_part(file, _place_of(members, name)) for name in names]

    def _damage(self, index: int) -> AbstractContextManager:
        shard = bisect.bisect_right(self._ends, index)
        return reader.damage_told(self.store, shard, self.keys[index])

    def _index(self, shard: int) -> list[dict[str, tuple[int, int]]]:
        """Offset and size of every member by extension, per sample."""
        return reader.read_places(self.store, shard, range(self._ends[shard - 1] if shard else 0, self._ends[shard]))


def _place_of(members: Mapping[str, tuple[int, int]], name: str) -> tuple[int, int]:
    if name not in members:
        raise KeyError(f"no {name}")
    return members[name]


def _part(file: BinaryIO, place: tuple[int, int]) -> bytes:
    file.seek(place[0])
    return file.read(place[1])


def _licence(description: Mapping[str, Any]) -> str:
    """The licence of the images, as the world or the generator states it."""
    origins = [description.get("world"), description["checkpoints"].get("generator")]
    found = [origin["licence"] for origin in origins if isinstance(origin, Mapping) and "licence" in origin]
    return found[0] if found else UNKNOWN_LICENCE
