"""Who shows the samples of a result again: those of segmenters, of alpha networks and of masks made elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...generation.models import Models
from ...generation.recommended import with_recommended
from ...masks import MaskLaw, make_mask
from ...samples.opening import Masks
from ...samples.sample import Samples
from ...settings import EvaluateAlphaSettings
from .. import alpha
from ..compare import Sides
from ..found_masks import FoundMasks
from ..matching import fit
from ..references import Masker
from .painting import Compared
from .sheets import Look


def of_segmenters(truth: Samples, maskers: Sequence[Masker]) -> Look:
    """Segmenters, in the order of the result's rows, on labelled images."""

    def look(number: int, row: Mapping[str, Any], keys: Sequence[str]) -> list[Compared]:
        found = []
        for key in keys:
            labelled = truth.read(truth.number(key))
            (mask,) = maskers[number](labelled.image[None], [key])
            found.append(Compared(image=labelled.image, mask=mask, truth=labelled.mask))
        return found

    return look


def of_alpha(settings: EvaluateAlphaSettings, reference: Masker, models: Models | None = None) -> Look:
    """An alpha network's samples, drawn again, beside a reference's masks.

    They are drawn one by one: pixels may round otherwise than in the batches that were measured.
    """
    opened = models or alpha.load(settings)
    settings = with_recommended(settings, opened.recommended).model_copy(update={"baselines": False})

    def look(number: int, row: Mapping[str, Any], keys: Sequence[str]) -> list[Compared]:
        found: dict[str, Compared] = {}
        ranges = [range(index, index + 1) for index in map(alpha.index_of, keys)]
        for batch in alpha.draw(settings, opened, row["psi"], ranges):
            (truth,) = reference(batch.images, batch.keys)
            mask = make_mask(batch.alphas[0], MaskLaw(threshold=row["threshold"]))
            found[batch.keys[0]] = Compared(image=batch.images[0], mask=mask, truth=truth, told_by="reference")
        return [found[key] for key in keys]

    return look


def of_masks(sides: Sides, *, resize: bool) -> Look:
    """Predicted masks beside true ones, over the images of either side that has any."""
    partners = {key: predicted for predicted, key in sides.pairs}

    def look(number: int, row: Mapping[str, Any], keys: Sequence[str]) -> list[Compared]:
        found = []
        for key in keys:
            true, image = _read(sides.truth, key)
            mask, other = _read(sides.predictions, partners[key])
            if image is None and other is not None and other.shape[:2] == true.shape:
                image = other
            mask = fit(mask, true, resize=resize, name=f"{sides.predictions.name}: {key}")
            found.append(Compared(image=image, mask=mask, truth=true))
        return found

    return look


def _read(masks: Masks | FoundMasks, key: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A mask, and its image where there is one."""
    number = masks.number(key)
    if not isinstance(masks, Samples):
        return masks.mask(number), None
    labelled = masks.read(number)
    return labelled.mask, labelled.image
