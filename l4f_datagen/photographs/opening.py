"""Where real images come from: what people bring, or a world."""

import numpy as np

from .. import worlds
from ..errors import UserError
from ..settings import fingerprint
from .places import open_images, parse
from .source import Source


def open_source(images: str, *, world_images: int) -> Source:
    """The source that ``--images`` names.

    Args:
        images: what ``photographs.places.open_images`` takes, or ``world:NAME``.
        world_images: how many pictures of a world belong to it.

    Raises:
        UserError: there is nothing of the kind, or no image in it.
    """
    if images.startswith("world:"):
        return WorldImages(images.removeprefix("world:"), world_images)
    return open_images(images)


def open_scenes(backgrounds: str, *, world_images: int) -> Source:
    """The source of pictures without the object that a setting ``backgrounds`` names, as ``open_source``; of a world,
    its scenes without their things.

    Raises:
        UserError: there is nothing of the kind, or no image in it.
    """
    if backgrounds.startswith("world:"):
        return WorldScenes(backgrounds.removeprefix("world:"), world_images)
    if not parse(backgrounds).path:
        raise UserError(
            "backgrounds", got=backgrounds or "nothing",
            expected="generator, folder:PATH, shards:PATH, world:NAME or a path", remedy="name the images",
        )  # fmt: skip
    return open_images(backgrounds, setting="backgrounds")


class WorldImages:
    """Pictures of a procedural world: the training split, seed 0."""

    def __init__(self, world: str, count: int):
        self.world, self.count = worlds.check_name(world), count

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"world {self.world}, picture {index}"

    def relative_name(self, index: int) -> str:
        return f"{self.world}/{index}"

    def digest(self) -> str:
        return fingerprint({"world": self.world, "count": self.count})

    def read(self, index: int, size: int, *, reduced: bool = False) -> np.ndarray:
        return worlds.render(self.world, seed=0, index=index, size=size).image


class WorldScenes(WorldImages):
    """The same pictures without their things and without the shadows of these."""

    def digest(self) -> str:
        return fingerprint({"world": self.world, "count": self.count, "backgrounds_only": True})

    def read(self, index: int, size: int, *, reduced: bool = False) -> np.ndarray:
        return worlds.render(self.world, seed=0, index=index, size=size).background
