"""Segmenters on labelled images, beside one that was trained on real masks (Table 4 of the paper)."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..generation.side_by_side import side_by_side
from ..overlap import ordered_map
from ..samples.opening import GENERATOR, WORLD, open_samples
from ..samples.reading import Reading
from ..samples.sample import Samples
from ..settings import EvaluateSegmenterSettings
from .baselines import images as baselines
from .metrics import IGNORED, Tally, compared, miou, require_torchmetrics, undecided
from .references import Masker, check_flags, notes_of
from .tables import Report, Row

SUPERVISED = "supervised"
WORLD_IMAGES = 1000
_READERS = 2
"""Threads that read images while a segmenter looks at those before them."""


def evaluate_segmenters(
    segmenters: Sequence[Masker],
    settings: EvaluateSegmenterSettings,
    *,
    supervised: Masker | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
    truth: Samples | None = None,
    title: str = "Segmenters on labelled images",
) -> Report:
    """Measure segmenters on the images that ``settings`` name, a row each; ``supervised`` comes first.

    ``truth`` are these images, where they are open already. Calls ``report`` with the images done and their number,
    over all segmenters.

    Raises:
        UserError: images and masks do not belong together, or a segmenter cannot take them.
    """
    require_torchmetrics()
    check_flags([*segmenters, *([supervised] if supervised else [])], settings)
    truth = truth or open_truth(settings)
    keys = list(truth.keys)[: settings.n]
    everyone = [*([supervised] if supervised else []), *segmenters]
    if settings.baselines:
        everyone += [OnImages(name) for name in baselines.ON_IMAGES]
    tallies, done = [Tally() for _ in everyone], 0
    for names, images, truths in batches(truth, keys, settings.batch_size):  # read, or rendered, once for all of them
        for segmenter, tally in zip(everyone, tallies, strict=True):
            for name, mask, true in zip(names, segmenter(images, names), truths, strict=True):
                if (mask == IGNORED).any():
                    raise undecided(f"{segmenter.name}: {name}")
                tally.add(name, mask, true)
                done += 1
            report(done, len(keys) * len(everyone))
    rows = []
    for number, (segmenter, tally) in enumerate(zip(everyone, tallies, strict=True)):
        labels = {"segmenter": segmenter.name, "role": SUPERVISED if supervised and not number else _role(segmenter)}
        row = tally.row(labels, resamples=settings.resamples, seed=settings.seed)
        rows.append(_with_ratio(row, tally, tallies[0], settings) if supervised else row)
    notes = [
        f"Truth: {truth.name} ({truth.foreground}). Foreground is the object; counts are pooled over all pixels.",
        *(f"Truth: {note}." for note in truth.notes),
        *(tallies[0].notes() if tallies else ()),
        *notes_of(everyone),
    ]
    if supervised:
        notes += _other_architectures(segmenters, supervised)
    return Report(
        title=title, rows=tuple(rows), notes=tuple(notes),
        settings=settings.model_dump(mode="json"),
    )  # fmt: skip


def open_truth(settings: EvaluateSegmenterSettings, *, count: int = WORLD_IMAGES) -> Samples:
    """The labelled images of ``settings``; of a world or a generator its test split.

    Args:
        count: how many of that, unless the settings say it.

    Raises:
        UserError: there are none, or they and their masks do not belong together.
    """
    images = masks = None
    if settings.masks is not None and not settings.images.startswith((WORLD, GENERATOR)):
        images, masks = (str(Path(path).expanduser().resolve()) for path in (settings.images, settings.masks))
    reading = Reading(
        values=settings.values, foreground=tuple(map(str, settings.mask_classes)) or None, flag="--mask-classes",
        allow_empty=settings.allow_empty, images=images, masks=masks if images else settings.masks,
    )  # fmt: skip
    return open_samples(
        settings.images, reading, size=settings.size, count=settings.n or count, split="test", device=settings.device
    )


class OnImages:
    """A baseline as a segmenter."""

    def __init__(self, name: str):
        self.name, self._function = name, baselines.ON_IMAGES[name]

    def __call__(self, images: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        return np.stack(list(side_by_side(self._function, images)))


def batches(truth: Samples, keys: Sequence[str], size: int) -> Iterator[tuple[list[str], np.ndarray, list]]:
    """Names, images uint8 N×H×W×3 and masks uint8 H×W, at most ``size``, in order.

    A batch ends where the images' size changes. The next one is read while the caller works on this one.

    Raises:
        UserError: an image cannot be read, or has another size than its mask.
    """

    def read(name: str) -> tuple[str, np.ndarray, np.ndarray]:
        labelled = truth.read(truth.number(name))
        return name, labelled.image, labelled.mask

    batch: list[tuple[str, np.ndarray, np.ndarray]] = []
    with contextlib.closing(ordered_map(read, keys, workers=_READERS, ahead=size + 1)) as labelled:
        for one in labelled:
            if batch and (len(batch) == size or one[2].shape != batch[0][2].shape):
                yield _stacked(batch)
                batch = []
            batch.append(one)
    yield _stacked(batch)


def _stacked(batch: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> tuple[list[str], np.ndarray, list]:
    names, images, truths = map(list, zip(*batch))
    return names, np.stack(images), truths


def _role(segmenter: Masker) -> str:
    return "baseline" if isinstance(segmenter, OnImages) else "measured"


def _other_architectures(segmenters: Sequence[Masker], supervised: Masker) -> list[str]:
    """Which of them are compared with a network of another kind."""
    theirs = getattr(supervised, "architecture", None)
    pairs = [(segmenter.name, getattr(segmenter, "architecture", None)) for segmenter in segmenters]
    return [
        f"{name} is a {ours}, the supervised segmenter a {theirs}: the ratio compares networks too."
        for name, ours in pairs
        if theirs and ours and ours != theirs
    ]


def _with_ratio(row: Row, tally: Tally, supervised: Tally, settings: EvaluateSegmenterSettings) -> Row:
    """A row with its mIoU over the supervised segmenter's, and the interval of that ratio."""
    ours, theirs = row.values["miou"], miou(supervised)
    ratio = ours / theirs if ours is not None and theirs else None
    interval = compared(tally, supervised, torch.div, resamples=settings.resamples, seed=settings.seed)
    return replace(
        row,
        values={**row.values, "ratio": ratio},
        intervals={**row.intervals, **({"ratio": interval} if ratio is not None and interval else {})},
    )
