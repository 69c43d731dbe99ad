"""What every instance reference is: something that finds the objects of an image, by the image or by its name."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from .found import Found


class InstanceReference(Protocol):
    """Finds objects. ``find`` may be called from several threads."""

    name: str
    """The file as the user called it."""
    notes: tuple[str, ...]
    """What a reader of the numbers must know, a sentence each."""

    def check(self, keys: Sequence[str]) -> None:
        """Refuse a reference that cannot say anything of samples of these names, before any work.

        Raises:
            UserError: it is of other images.
        """
        ...

    def find(self, image: np.ndarray, key: str) -> Found:
        """The objects of an image, RGB uint8 H×W×3, that has this name among the samples."""
        ...
