"""Where labelled images lie: data set folders or a world; each a numbered list of images with their truth."""

import bisect
import io
import itertools
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO, Literal, Protocol

import cv2
import numpy as np
from PIL import Image

from .. import worlds
from ..masks import HALF, MaskLaw, law_of, make_mask
from ..shards import encoding, folder, layout, reader
from ..weights.source import UNKNOWN_LICENCE

_INDEXED_SHARDS = 256
"""Shards whose members' places are remembered at a time."""


@dataclass(frozen=True)
class Labelled:
    """An image and its truth; arrays are uint8."""

    image: np.ndarray
    """RGB H×W×3: the composite, or the plain foreground if that was asked for."""
    alpha: np.ndarray
    """round(255·alpha), H×W."""
    mask: np.ndarray
    """Class indices, H×W; 255 is ignored."""
    law: MaskLaw | None = None
    """What makes the mask of the alpha, whatever size it is given; None: the mask is one of its own."""
    hard: bool = False
    """Whether the image was blended with the mask, so that it shows nothing of a soft edge."""

    @property
    def soft(self) -> np.ndarray:
        """The share of each pixel that the image shows as foreground, uint8 H×W, 255 = all of it."""
        return 255 * (self.mask == 1).astype(np.uint8) if self.hard else self.alpha


class LabelledSource(Protocol):
    """A numbered list of labelled images. ``read`` may be called from several threads."""

    generated: bool
    """Whether its alphas are an alpha network's, so that another threshold makes another mask."""
    law: MaskLaw | None
    """What its masks were made of their alphas by; None where they are masks of their own."""
    blended: Literal["alpha", "mask"]
    """What its images show of the foreground."""
    has_foregrounds: bool
    identity: dict[str, Any]
    """What its content depends on."""
    licence: str

    def __len__(self) -> int: ...

    def read(self, index: int, *, foreground: bool = False) -> Labelled:
        """One image, in its own size. Raises OSError or ValueError, which name the file, if it is broken."""


def open_labelled(place: str, *, size: int | None, world_images: int, split: worlds.Split = "train") -> LabelledSource:
    """The source that a place names.

    Args:
        place: a data set folder of ours or ``world:NAME``.
        size: height and width in which a world is drawn; None: 64 px.

    Raises:
        UserError: there is no complete data set.
    """
    if place.startswith("world:"):
        return WorldSource(place.removeprefix("world:"), world_images, size or 64, split)
    return ShardSource(place)


class ShardSource:
    """A data set folder of ours; goes straight to each member. A shard's headers are read when it is met first."""

    def __init__(self, place: str):
        dataset = reader.open_dataset(place)
        self.store = dataset.store
        description = dataset.description
        self.generated = "alpha" in description["checkpoints"]
        self.law, self.blended = law_of(description), description["settings"].get("blend", "alpha")
        self.licence = _licence(description)
        self._ends = list(itertools.accumulate(folder.shard_lengths(description).values()))
        self.identity = {"identity": description["identity"], "samples": len(self)}
        self._members = lru_cache(maxsize=_INDEXED_SHARDS)(self._index)
        self.has_foregrounds = any("foreground" in name for name in self._members(0)[0])

    def __len__(self) -> int:
        return self._ends[-1]

    def read(self, index: int, *, foreground: bool = False) -> Labelled:
        shard = bisect.bisect_right(self._ends, index)
        members = self._members(shard)[index - (self._ends[shard - 1] if shard else 0)]
        prefix = "foreground." if foreground else ""
        image = next((prefix + name for name in encoding.IMAGE_FORMATS if prefix + name in members), f"{prefix}image")
        try:
            with self.store.open(layout.tar(shard)) as file:
                contents = [_part(file, members[name]) for name in (image, "alpha.png", "mask.png")]
            found = Labelled(
                encoding.decode_image(contents[0]),
                cv2.imdecode(np.frombuffer(contents[1], np.uint8), cv2.IMREAD_GRAYSCALE),
                np.array(Image.open(io.BytesIO(contents[2]))),
                law=self.law,
                hard=self.blended == "mask" and not foreground,
            )
            if found.alpha is None or not found.image.shape[:2] == found.alpha.shape == found.mask.shape:
                raise ValueError("image, alpha and mask are not of one size")
            return found
        except (KeyError, OSError, ValueError, SyntaxError, cv2.error) as error:
            where = self.store.where(layout.tar(shard))
            raise ValueError(f"sample {index} of {self.store}, in {where}, is damaged: {error}") from error

    def _index(self, shard: int) -> list[dict[str, tuple[int, int]]]:
        """Offset and size of every member by extension, per sample."""
        samples: dict[str, dict[str, tuple[int, int]]] = {}
        where = self.store.where(layout.tar(shard))
        try:
            with self.store.open(layout.tar(shard)) as file, tarfile.open(fileobj=file, mode="r:") as archive:
                for member in archive:
                    key, _, extension = member.name.partition(".")
                    samples.setdefault(key, {})[extension] = (member.offset_data, member.size)
        except tarfile.TarError as error:
            raise ValueError(f"{where} is damaged: {error}") from error
        wanted = self._ends[shard] - (self._ends[shard - 1] if shard else 0)
        if len(samples) != wanted:
            raise ValueError(f"{where} is damaged: {len(samples)} samples instead of {wanted}")
        return list(samples.values())


class WorldSource:
    """Pictures of a procedural world with their exact masks, seed 0."""

    generated, law, blended, has_foregrounds, licence = False, HALF, "alpha", False, worlds.LICENCE

    def __init__(self, world: str, count: int, size: int, split: worlds.Split):
        self.world, self.size, self.indices = worlds.check_name(world), size, worlds.split(split, count)
        self.identity = {"world": world, "size": size, "split": split, "samples": count}

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int, *, foreground: bool = False) -> Labelled:
        picture = worlds.render(self.world, seed=0, index=self.indices[index], size=self.size)
        return Labelled(picture.image, picture.alpha, make_mask(picture.alpha, HALF), law=HALF)


def _part(file: BinaryIO, place: tuple[int, int]) -> bytes:
    file.seek(place[0])
    return file.read(place[1])


def _licence(description: Mapping[str, Any]) -> str:
    """Of the images: what the world or the generator says."""
    origins = [description.get("world"), description["checkpoints"].get("generator")]
    found = [origin["licence"] for origin in origins if isinstance(origin, Mapping) and "licence" in origin]
    return found[0] if found else UNKNOWN_LICENCE
