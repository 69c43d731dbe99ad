"""Masks made elsewhere against the truth (Table 3 of the paper)."""

from collections.abc import Callable

from ..settings import EvaluateMasksSettings
from . import masks
from .labelled import Masks, few, match, open_masks
from .masks import Reading
from .metrics import IGNORED, Tally, require_torchmetrics, undecided
from .tables import Report


def evaluate_masks(
    prediction: str,
    truth: str,
    settings: EvaluateMasksSettings,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Compare two folders or data sets of masks, matched by name.

    Calls ``report`` with the images done and their number.

    Raises:
        UserError: a mask has no partner, another size, other classes, or cannot be read.
    """
    require_torchmetrics()
    sides = ((prediction, settings.prediction_classes, "prediction"), (truth, settings.truth_classes, "truth"))
    predictions, truths = (
        open_masks(path, Reading(values=settings.values, classes=classes, flag=f"--{side}-classes"))
        for path, classes, side in sides
    )
    keys, notes = match(predictions, truths, allow_missing=settings.allow_missing)
    tally, empty = compare(predictions, truths, keys, resize=settings.resize, report=report)
    row = tally.row(
        {"prediction": predictions.name, "truth": truths.name}, resamples=settings.resamples, seed=settings.seed
    )
    notes += tuple(
        f"Without foreground: {len(found)} {kind}s ({few(found)})." for kind, found in empty.items() if found
    )
    return Report(title="Masks against the truth", rows=(row,), notes=notes, settings=settings.model_dump(mode="json"))


def compare(
    predictions: Masks, truth: Masks, keys: list[str], *, resize: bool, report: Callable[[int, int], None]
) -> tuple[Tally, dict[str, list[str]]]:
    """Counts of all pairs, and the keys of the masks without foreground, of either side."""
    tally, empty = Tally(), {"prediction": [], "truth": []}
    for number, key in enumerate(keys, 1):
        pair = {"prediction": predictions.mask(key), "truth": truth.mask(key)}
        name = f"{predictions.name}: {key}"
        pair["prediction"] = masks.fit(pair["prediction"], pair["truth"], resize=resize, name=name)
        if (pair["prediction"] == IGNORED).any():
            raise undecided(name)
        for side, mask in pair.items():
            if not (mask == 1).any():
                empty[side].append(key)
        tally.add(key, **pair)
        report(number, len(keys))
    return tally, empty
