"""Pictures of a procedural world with their exact masks."""

from typing import Any

import numpy as np

from .. import worlds
from ..masks import HALF, make_mask
from ..settings import fingerprint
from .sample import Labelled, Picture, Samples


class WorldSamples(Samples):
    """The first pictures of a split, seed 0, cut at half coverage."""

    KIND = "world"
    law, licence, has_alphas = HALF, worlds.LICENCE, True

    def __init__(self, world: str, *, count: int, size: int, split: worlds.Split):
        self.world, self.size, self._split = worlds.check_name(world), size, split
        self.name, self._indices = f"world:{world}", worlds.split(split, count)
        self.keys = [f"{index:09d}" for index in self._indices]
        self.digest = fingerprint(self.identity)

    def read(self, index: int, *, foreground: bool = False) -> Labelled:
        """One picture and its truth."""
        drawn = self._drawn(index)
        return Labelled(drawn.image, drawn.alpha, make_mask(drawn.alpha, HALF), law=HALF)

    def picture(self, index: int) -> Picture:
        """One picture."""
        return Picture(image=self._drawn(index).image)

    def mask(self, index: int) -> np.ndarray:
        """Where at least half a pixel is covered."""
        return make_mask(self._drawn(index).alpha, HALF)

    def alpha(self, index: int) -> np.ndarray:
        """Its coverage."""
        return self._drawn(index).alpha

    @property
    def identity(self) -> dict[str, Any]:
        """What its content depends on."""
        return {"world": self.world, "size": self.size, "split": self._split, "samples": len(self)}

    def _drawn(self, index: int) -> worlds.Rendering:
        return worlds.render(self.world, seed=0, index=self._indices[index], size=self.size)
