"""Image files with masks that are no files: those of a data set, say."""

import hashlib
from collections.abc import Mapping

import numpy as np

from ..errors import UserError
from ..photographs.source import Notices
from .files import pairing
from .files.file import File
from .pictures import picture_of
from .sample import Picture, Samples, listed


class PairedSamples(Samples):
    """Images of a folder in the order of their names, each with the mask of its name."""

    KIND = "images with masks of another set"

    def __init__(self, name: str, images: Mapping[str, File], masks: Samples):
        self.name, self.foreground, self._images, self._masks = name, masks.foreground, images, masks
        self._partners = pairing.pairs(list(images), list(masks.keys))
        taken = set(self._partners.values())
        lone = {"images": [key for key in images if key not in self._partners]}
        lone["masks"] = [key for key in masks.keys if key not in taken]
        counts = {"images": len(images), "masks": len(masks.keys)}
        if not images or any(lone.values()):
            lone = {kind: keys for kind, keys in lone.items() if keys}
            alone = (f"{len(keys)} of {counts[kind]} {kind} alone ({listed(keys)})" for kind, keys in lone.items())
            raise UserError(
                name, got="; ".join(alone) or "no images", expected=f"one image for each mask of {masks.name}",
                remedy="mend the names",
            )  # fmt: skip
        self.keys, self._notices = sorted(images), Notices()
        digest = hashlib.sha256(masks.digest.encode())
        for key in self.keys:
            digest.update(repr((key, images[key].size)).encode())
        self.digest = digest.hexdigest()

    def picture(self, index: int) -> Picture:
        """One image."""
        file = self._images[self.keys[index]]
        return picture_of(file.content(), file.label, self._notices)

    def mask(self, index: int) -> np.ndarray:
        """Its mask."""
        return self._masks.mask(self._masks.number(self._partners[self.keys[index]]))

    def where(self, index: int) -> str:
        """What messages call one of them."""
        return self._images[self.keys[index]].label
