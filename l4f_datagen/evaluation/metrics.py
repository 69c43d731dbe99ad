"""Pixel counts of two classes → the paper's measures, with intervals over the images.

One confusion matrix is pooled over all pixels of all images; IoU is of each class, F1, precision and recall are means
over the two classes, accuracy is over pixels. Foreground is the object.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import UserError
from ..seeding import generator_for
from .subsets import Shape, explained, shape_of, split
from .tables import Part, Row

MEASURES = ("iou_foreground", "iou_background", "miou", "f1", "precision", "recall", "accuracy")
IGNORED = 255
"""In the truth; such pixels are not counted."""
_LEVELS = (0.025, 0.975)
_DRAWS_AT_A_TIME = 10**7


class Tally:
    """The confusion matrices of images, one after the other."""

    def __init__(self):
        self.keys: list[str] = []
        self.shapes: list[Shape] = []
        """The shape of the foreground in each image's truth, in the order of ``keys``."""
        self._counts: list[Tensor] = []
        self._ignored: list[int] = []
        self._pixels = 0

    def add(self, key: str, prediction: np.ndarray, truth: np.ndarray) -> None:
        """Count an image; see ``count``."""
        self.keys.append(key)
        self._counts.append(count(prediction, truth))
        self.shapes.append(shape_of(truth))
        self._ignored.append(int((truth == IGNORED).sum()))
        self._pixels += truth.size

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def counts(self) -> Tensor:
        """int64 (N, 2, 2)."""
        return torch.stack(self._counts)

    def row(self, labels: Mapping[str, str | float], *, resamples: int, seed: int) -> Row:
        """The pooled measures with 95 % intervals, those of the subsets, and each image's."""
        counts = self.counts
        whole = _part(counts, resamples=resamples, seed=seed)
        return Row(
            labels=dict(labels),
            images=len(self),
            values=whole.values,
            intervals=whole.intervals,
            subsets={
                name: _part(counts[numbers], resamples=resamples, seed=seed)
                for name, numbers in split(self.shapes).items()
            },
            per_image=tuple({"key": key, **_named(values)} for key, values in zip(self.keys, measures(counts))),
        )

    def notes(self) -> list[str]:
        """What the truth says of itself: the pixels that it leaves open, and what the subsets are."""
        notes = []
        if ignored := sum(self._ignored):
            masks = sum(map(bool, self._ignored))
            notes.append(
                f"Not counted: {ignored} uncertain pixels ({IGNORED} in the truth), {ignored / self._pixels:.2%} of "
                f"all, in {masks} of {len(self)} true masks."
            )
        return notes + ([text] if (text := explained(self.shapes)) else [])


def require_torchmetrics() -> None:
    """Refuse to begin without torchmetrics.

    Raises:
        UserError: it is not installed; names the extra.
    """
    try:
        import torchmetrics  # noqa: F401
    except ImportError as error:
        raise UserError(
            "evaluate", got="no package torchmetrics", expected="the extra `evaluation`",
            remedy='pip install "l4f-datagen[evaluation]"',
        ) from error  # fmt: skip


def undecided(name: str) -> UserError:
    """The error of a prediction with ignored pixels."""
    return UserError(
        name, got=f"a prediction with the value {IGNORED} (ignored)", expected="0 or 1 for every pixel",
        remedy="make predictions without an ignored band; only the truth may have one",
    )  # fmt: skip


def count(prediction: np.ndarray, truth: np.ndarray) -> Tensor:
    """Pixels by class: int64 (2, 2), truth by row, prediction by column, background first.

    Args:
        prediction: H×W of 0 and 1.
        truth: H×W of 0, 1 and 255, which is not counted.

    Raises:
        ValueError: other values, or two sizes.
    """
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    if prediction.shape != truth.shape:
        raise ValueError(f"a prediction of shape {prediction.shape} against a truth of {truth.shape}")
    if prediction.size and prediction.max() > 1:
        raise ValueError(f"a prediction with the value {prediction.max()}; expected 0 and 1")
    if not np.isin(truth, (0, 1, IGNORED)).all():
        raise ValueError(f"a truth with values other than 0, 1 and {IGNORED}")
    pair = (torch.from_numpy(np.ascontiguousarray(a)).long().flatten() for a in (prediction, truth))
    return multiclass_confusion_matrix(*pair, num_classes=2, ignore_index=IGNORED, validate_args=False).long()


def measures(counts: Tensor) -> Tensor:
    """Pixel counts (…, 2, 2) → float64 (…, 7) in the order of ``MEASURES``; NaN where there is nothing to divide by.

    The IoU and F1 of a class that neither truth nor prediction has are undefined, as is its precision where it is
    not predicted and its recall where it is not there; so are the means over the classes then.
    """
    counts = counts.double()
    hits, predicted, there = counts.diagonal(dim1=-2, dim2=-1), counts.sum(-2), counts.sum(-1)
    iou = hits / (predicted + there - hits)
    f1 = 2 * hits / (predicted + there)
    means = [m.mean(-1) for m in (iou, f1, hits / predicted, hits / there)]
    return torch.stack([iou[..., 1], iou[..., 0], *means, hits.sum(-1) / counts.sum((-2, -1))], -1)


def resampled(counts: Tensor, *, resamples: int, seed: int) -> Tensor:
    """The pooled measures of resamples of the images with replacement: float64 (resamples, 7).

    The same images are drawn for all counts of equally many images, so that two methods can be compared pair by pair.
    """
    images, flat = len(counts), counts.double().flatten(1)
    random, pooled = generator_for(seed, "bootstrap", 0), []
    for start in range(0, resamples, step := max(1, _DRAWS_AT_A_TIME // images)):
        rows = min(step, resamples - start)
        drawn = torch.randint(images, (rows, images), generator=random)
        times = torch.zeros(rows, images, dtype=torch.float64).scatter_add_(
            1, drawn, torch.ones_like(drawn, dtype=torch.float64)
        )
        pooled.append((times @ flat).view(rows, 2, 2))
    return measures(torch.cat(pooled))


def bootstrap(counts: Tensor, *, resamples: int, seed: int) -> Tensor:
    """95 % intervals of the pooled measures: float64 (2, 7), from resamples of the images with replacement.

    A resample in which a measure is undefined is left out of that measure's interval.
    """
    return _levels(resampled(counts, resamples=resamples, seed=seed))


def compared(
    ours: Tally, theirs: Tally, how: Callable[[Tensor, Tensor], Tensor], *, resamples: int, seed: int
) -> tuple[float, float] | None:
    """The 95 % interval of a comparison of two mIoUs on the same images, resampled together.

    Args:
        how: the mIoUs (resamples,) of either side → their difference or ratio.

    Returns:
        None with one image, without resamples, or where nothing is defined.
    """
    assert ours.keys == theirs.keys, "both are measured on the same images"
    if not resamples or len(ours) < 2:
        return None
    column = MEASURES.index("miou")
    sides = (resampled(tally.counts, resamples=resamples, seed=seed)[:, column] for tally in (ours, theirs))
    low, high = _levels(how(*sides)).tolist()
    return None if low != low else (low, high)


def miou(tally: Tally) -> float | None:
    """The pooled mIoU; None: undefined."""
    return _named(measures(tally.counts.sum(0)))["miou"]


def ranked(per_image: Sequence[Mapping]) -> list[Mapping]:
    """Images by mIoU, the lowest first; those with one class by the IoU of that class."""

    def rank(values: Mapping) -> float:
        ious = [values[name] for name in MEASURES[:2] if values[name] is not None]
        return sum(ious) / len(ious) if ious else 1.0

    return sorted(per_image, key=rank)


def worst(per_image: Sequence[Mapping], k: int) -> list[Mapping]:
    """The k images with the lowest mIoU."""
    return ranked(per_image)[:k]


def _part(counts: Tensor, *, resamples: int, seed: int) -> Part:
    """The pooled measures of images, with intervals if there are several."""
    pooled = measures(counts.sum(0))
    intervals = {}
    if resamples and len(counts) > 1:
        intervals = _intervals(pooled, *bootstrap(counts, resamples=resamples, seed=seed))
    return Part(images=len(counts), values=_named(pooled), intervals=intervals)


def _levels(values: Tensor) -> Tensor:
    return values.nanquantile(torch.tensor(_LEVELS, dtype=torch.float64), dim=0)


def _named(values: Tensor) -> dict[str, float | None]:
    return {name: None if value != value else value for name, value in zip(MEASURES, values.tolist(), strict=True)}


def _intervals(pooled: Tensor, low: Tensor, high: Tensor) -> dict[str, tuple[float, float]]:
    rows = zip(MEASURES, pooled.tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: (a, b) for name, value, a, b in rows if value == value and a == a}
