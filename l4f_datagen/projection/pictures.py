"""The photographs that are projected: found, named, read at the generator's size."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import worlds
from ..errors import UserError
from ..photographs import names
from ..photographs.opening import WorldImages
from ..photographs.places import open_images
from ..photographs.source import Photographs, Source
from ..photographs.square import enlargement, fitted
from ..segmentation.result_index import check_length, writable
from ..settings import ProjectSettings
from ..shards.damage import Damaged
from ..short import short


class TestPictures(WorldImages):
    """Pictures of a world that no generator was trained on: its test split, seed 0."""

    def __init__(self, world: str, count: int):
        super().__init__(world, count)
        self._indices = worlds.split("test", count)

    def name(self, index: int) -> str:
        return f"world {self.world}, test picture {self._indices[index]}"

    def relative_name(self, index: int) -> str:
        return f"{self._indices[index]:09d}"

    def read(self, index: int, size: int, *, reduced: bool = False) -> np.ndarray:
        return super().read(self._indices[index], size)


@dataclass(frozen=True)
class Item:
    """A photograph that is asked for."""

    source: Source
    index: int
    key: str

    @property
    def name(self) -> str:
        """The name that a person would look for."""
        return writable(self.source.name(self.index))


@dataclass(frozen=True)
class Picture:
    """A photograph at the generator's size."""

    item: Item
    image: np.ndarray
    """RGB uint8 size×size×3: the middle square."""
    warnings: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Of its pixels, lower-case hexadecimal."""
        return hashlib.sha256(self.image.data).hexdigest()


@dataclass(frozen=True)
class Broken:
    """A photograph that cannot be read."""

    item: Item
    reason: str


def find_items(settings: ProjectSettings) -> list[Item]:
    """The photographs that settings name, in order, each with the key of its results.

    Raises:
        UserError: there are none, or two would have one key.
    """
    if not settings.images:
        raise UserError(
            "images", got="none", expected="photographs: a folder, tars, a zip, Parquet files or world:NAME",
            remedy="name them after project",
        )  # fmt: skip
    if settings.images.startswith("world:"):
        source: Source = TestPictures(settings.images.removeprefix("world:"), settings.world_images)
    else:
        source = open_images(settings.images)
    items = [Item(source, index, _key(source, index)) for index in range(len(source))]
    taken: dict[str, Item] = {}
    for item in items:
        if (other := taken.setdefault(item.key.casefold(), item)) is not item:
            raise UserError(
                "images", got=f"{short(other.name, 120)} and {short(item.name, 120)}, whose results would both be "
                f"called {short(item.key, 120)}", expected="photographs of different names, whatever their extensions",
                remedy="rename one of them, or project them apart, with an --out each",
            )  # fmt: skip
    return items


def read_picture(item: Item, size: int) -> Picture | Broken:
    """A photograph at the generator's size, or why there is none."""
    try:
        check_length(item.key)
        found = item.source.read(item.index, size, reduced=True)
    except Damaged:  # of a data set of ours, in which nothing may be broken
        raise
    except (OSError, ValueError) as error:
        return Broken(item, short(error, 300))
    told = []
    height, width = found.shape[:2]
    if enlargement(found, size, size) < 1:
        told.append(f"{width}×{height} pixels are fewer than the generator's {size}×{size}; it was up-sampled")
    if max(height, width) > 2 * min(height, width):
        told.append(f"of {width}×{height} pixels the middle square was taken, less than half of it")
    return Picture(item, np.ascontiguousarray(fitted(found, size)), tuple(told))


def notices_of(items: Sequence[Item]) -> list[str]:
    """What the photographs' files held that their pictures do not show, in words."""
    source = items[0].source
    return source.notices.all() if isinstance(source, Photographs) else []


def _key(source: Source, index: int) -> str:
    place = source.place(index).as_posix() if isinstance(source, Photographs) else source.relative_name(index)
    parts = ["_" if part == ".." else part for part in names.stem(place).split("/") if part not in ("", ".")]
    return writable("/".join(parts)) or "_"
