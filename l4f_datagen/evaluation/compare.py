"""Masks made elsewhere against the truth (Table 3 of the paper), or against what a reference finds."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ..devices import resolve_device
from ..errors import UserError, WorkError
from ..instances.opening import open_instances
from ..overlap import ordered_map
from ..samples.opening import Masks, open_masks
from ..samples.reading import Reading
from ..settings import EvaluateMasksSettings
from ..settings.evaluate import MasksSettings
from .found_masks import FoundMasks
from .matching import few, fit, match
from .metrics import IGNORED, Tally, require_torchmetrics, undecided
from .rejection import in_words
from .tables import Report

_READERS, _AHEAD = 2, 8
"""Threads that read masks, and pairs that they read while those before them are counted."""


class Sides(NamedTuple):
    """Masks of two sides, and which of them belong together."""

    predictions: Masks
    truth: Masks | FoundMasks
    pairs: list[tuple[str, str]]
    """Keys of a prediction and of its truth."""
    notes: tuple[str, ...]


def open_sides(prediction: str, truth: str, settings: MasksSettings) -> Sides:
    """Two folders or data sets of masks, matched by name.

    Raises:
        UserError: a mask has no partner or cannot be read, or there are none.
    """
    predictions = _open(prediction, "prediction", settings)
    truths = _open(truth, "truth", settings)
    pairs, notes = match(predictions, truths, allow_missing=settings.allow_missing)
    return Sides(predictions, truths, pairs, (*predictions.notes, *truths.notes, *notes))


def open_against(prediction: str, reference: str, settings: EvaluateMasksSettings) -> Sides:
    """Masks, and a reference that gives instances in the place of their truth.

    Raises:
        UserError: masks or reference cannot be used, or a setting is of true masks.
    """
    given = [name for name in ("truth_classes", "allow_missing", "resize") if getattr(settings, name)]
    if given:
        raise UserError(
            f"--{given[0].replace('_', '-')}", got="--reference, which finds its masks itself",
            expected="masks as the truth", remedy="leave it out",
        )  # fmt: skip
    predictions = _open(prediction, "prediction", settings)
    found = FoundMasks(
        open_instances(reference, settings, resolve_device(settings.device)), predictions, area=settings.object_area
    )
    return Sides(predictions, found, [(key, key) for key in predictions.keys], (*predictions.notes, *found.notes))


def evaluate_masks(
    prediction: str,
    truth: str,
    settings: MasksSettings,
    *,
    sides: Sides | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Compare two folders or data sets of masks, matched by name.

    ``sides`` are both, where they are open already. Calls ``report`` with the images done and their number.

    Raises:
        UserError: a mask has no partner, another size, other classes, or cannot be read.
        WorkError: a reference rejects all samples.
    """
    require_torchmetrics()
    sides = sides or open_sides(prediction, truth, settings)
    counted = compare(sides, resize=settings.resize, report=report)
    total, rejected = len(sides.pairs), sum(map(len, counted.rejected.values()))
    if rejected == total:
        words = in_words(counted.rejected, names=False)
        raise WorkError(f"the reference rejected all {total} samples ({words})")
    labels = {"prediction": sides.predictions.name, "truth": sides.truth.name}
    rows = [counted.kept.row(labels, resamples=settings.resamples, seed=settings.seed)]
    notes = [*sides.notes, *counted.kept.notes()]
    notes += [
        f"Without foreground: {len(found)} {kind}s ({few(found)})." for kind, found in counted.empty.items() if found
    ]
    if isinstance(sides.truth, FoundMasks):
        labels = {**labels, "prediction": f"{sides.predictions.name}, none rejected"}
        everything = counted.everything.row(labels, resamples=settings.resamples, seed=settings.seed)
        rows.append(replace(everything, per_image=()))
        words = in_words(counted.rejected)
        notes.append(
            f"{total - rejected} of {total} samples counted, {rejected} rejected{f': {words}' if words else ''}."
        )
    return Report(
        title="Masks against the truth", rows=tuple(rows), notes=tuple(notes), settings=settings.model_dump(mode="json")
    )


@dataclass
class Counted:
    """What was counted of pairs of masks."""

    kept: Tally = field(default_factory=Tally)
    everything: Tally = field(default_factory=Tally)
    """Those that a reference rejects among them; empty where the truth is no reference's."""
    rejected: dict[str, list[str]] = field(default_factory=dict)
    """Keys by the reason."""
    empty: dict[str, list[str]] = field(default_factory=lambda: {"prediction": [], "truth": []})
    """Keys of the masks without foreground, of either side."""


def compare(sides: Sides, *, resize: bool, report: Callable[[int, int], None]) -> Counted:
    """Counts of all pairs."""
    counted = Counted()
    pairs = ordered_map(partial(_read, sides, resize=resize), sides.pairs, workers=_READERS, ahead=_AHEAD)
    for number, ((_, key), (pair, reason)) in enumerate(zip(sides.pairs, pairs, strict=True), 1):
        if isinstance(sides.truth, FoundMasks):
            counted.everything.add(key, **pair)
        if reason is not None:
            counted.rejected.setdefault(reason, []).append(key)
        else:
            counted.kept.add(key, **pair)
            for side, mask in pair.items():
                if not (mask == 1).any():
                    counted.empty[side].append(key)
        report(number, len(sides.pairs))
    return counted


def _read(sides: Sides, names: tuple[str, str], *, resize: bool) -> tuple[dict[str, np.ndarray], str | None]:
    """Both masks of a pair, by their side, and why a reference rejects the image, if it does.

    Raises:
        UserError: a mask cannot be read, has another size than its partner, or says of a pixel that it is undecided.
    """
    predicted, key = names
    predictions, truth = sides.predictions, sides.truth
    mask, name = predictions.mask(predictions.number(predicted)), f"{predictions.name}: {predicted}"
    number = truth.number(key)
    true, reason = truth.judged(number) if isinstance(truth, FoundMasks) else (truth.mask(number), None)
    mask = fit(mask, true, resize=resize, name=name)
    if (mask == IGNORED).any():
        raise undecided(name)
    return {"prediction": mask, "truth": true}, reason


def _open(path: str, side: str, settings: MasksSettings) -> Masks:
    """One side: its name says which of the settings are its own."""
    classes = settings.prediction_classes if side == "prediction" else settings.truth_classes
    return open_masks(path, Reading(
        values=settings.values, foreground=tuple(map(str, classes)) or None, flag=f"--{side}-classes",
        predicted=side == "prediction", allow_empty=True,
    ))  # fmt: skip
