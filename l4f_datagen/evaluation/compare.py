"""Masks made elsewhere against the truth (Table 3 of the paper)."""

from collections.abc import Callable
from typing import NamedTuple

from ..samples.opening import Masks, open_masks
from ..samples.reading import Reading
from ..settings import EvaluateMasksSettings
from .matching import few, fit, match
from .metrics import IGNORED, Tally, require_torchmetrics, undecided
from .tables import Report


class Sides(NamedTuple):
    """Masks of two sides, and which of them belong together."""

    predictions: Masks
    truth: Masks
    pairs: list[tuple[str, str]]
    """Keys of a prediction and of its truth."""
    notes: tuple[str, ...]


def open_sides(prediction: str, truth: str, settings: EvaluateMasksSettings) -> Sides:
    """Two folders or data sets of masks, matched by name.

    Raises:
        UserError: a mask has no partner or cannot be read, or there are none.
    """
    sides = ((prediction, settings.prediction_classes, "prediction"), (truth, settings.truth_classes, "truth"))
    predictions, truths = (
        open_masks(path, Reading(
            values=settings.values, foreground=tuple(map(str, classes)) or None, flag=f"--{side}-classes",
            predicted=side == "prediction", allow_empty=True,
        ))
        for path, classes, side in sides
    )  # fmt: skip
    pairs, notes = match(predictions, truths, allow_missing=settings.allow_missing)
    return Sides(predictions, truths, pairs, (*predictions.notes, *truths.notes, *notes))


def evaluate_masks(
    prediction: str,
    truth: str,
    settings: EvaluateMasksSettings,
    *,
    sides: Sides | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Compare two folders or data sets of masks, matched by name.

    ``sides`` are both, where they are open already. Calls ``report`` with the images done and their number.

    Raises:
        UserError: a mask has no partner, another size, other classes, or cannot be read.
    """
    require_torchmetrics()
    sides = sides or open_sides(prediction, truth, settings)
    tally, empty = compare(sides.predictions, sides.truth, sides.pairs, resize=settings.resize, report=report)
    labels = {"prediction": sides.predictions.name, "truth": sides.truth.name}
    row = tally.row(labels, resamples=settings.resamples, seed=settings.seed)
    notes = (*sides.notes, *tally.notes())
    notes += tuple(
        f"Without foreground: {len(found)} {kind}s ({few(found)})." for kind, found in empty.items() if found
    )
    return Report(title="Masks against the truth", rows=(row,), notes=notes, settings=settings.model_dump(mode="json"))


def compare(
    predictions: Masks, truth: Masks, pairs: list[tuple[str, str]], *, resize: bool, report: Callable[[int, int], None]
) -> tuple[Tally, dict[str, list[str]]]:
    """Counts of all pairs of keys, and the keys of the masks without foreground, of either side."""
    tally, empty = Tally(), {"prediction": [], "truth": []}
    for number, (predicted, key) in enumerate(pairs, 1):
        pair = {"prediction": predictions.mask(predictions.number(predicted)), "truth": truth.mask(truth.number(key))}
        name = f"{predictions.name}: {predicted}"
        pair["prediction"] = fit(pair["prediction"], pair["truth"], resize=resize, name=name)
        if (pair["prediction"] == IGNORED).any():
            raise undecided(name)
        for side, mask in pair.items():
            if not (mask == 1).any():
                empty[side].append(key)
        tally.add(key, **pair)
        report(number, len(pairs))
    return tally, empty
