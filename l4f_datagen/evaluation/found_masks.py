"""Masks that a reference finds in the images of a data set, in the place of true ones."""

from collections.abc import Sequence

import numpy as np

from ..errors import UserError
from ..instances.detector import Detector
from ..instances.reference import InstanceReference
from ..samples.opening import Masks
from ..samples.sample import Samples


class FoundMasks:
    """The union of the objects that are found in each image, and whether there is exactly one.

    Args:
        predictions: the masks that are held against them; a detector looks at their images.
        area: share of the pixels from which an instance is an object.

    Raises:
        UserError: the reference is of other images, or there are no images to look at.
    """

    def __init__(self, reference: InstanceReference, predictions: Masks, *, area: float):
        if isinstance(reference, Detector) and not isinstance(predictions, Samples):
            raise UserError(
                reference.name, got=f"{predictions.name}, masks without images", expected="a data set with images",
                remedy="name one, or give a list of detections that was made of the images",
            )  # fmt: skip
        reference.check(list(predictions.keys))
        self.keys: Sequence[str] = list(predictions.keys)
        self.name, self._reference, self._predictions, self._area = reference.name, reference, predictions, area
        self.notes: Sequence[str] = reference.notes

    def number(self, key: str) -> int:
        """Which of them has this key."""
        return self._predictions.number(key)

    def mask(self, index: int) -> np.ndarray:
        """One mask, uint8 H×W: 1 in objects."""
        return self.judged(index)[0]

    def judged(self, index: int) -> tuple[np.ndarray, str | None]:
        """One mask, and why its image is rejected; None: it shows exactly one object. Several threads may ask."""
        found = self._reference.find(self._image(index), self.keys[index])
        return found.union, found.reason(self._area)

    def _image(self, index: int) -> np.ndarray:
        """The image, or where there is none, one of its size."""
        if isinstance(self._predictions, Samples):
            return self._predictions.picture(index).image
        return np.zeros((*self._predictions.mask(index).shape, 3), np.uint8)
