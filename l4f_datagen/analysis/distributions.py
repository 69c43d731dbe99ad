"""How the scores of a data set are distributed, and where its foregrounds lie."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import pyarrow as pa

from ..mask_files import png as mask_png
from ..settings.reject_list import NothingLeft, RejectList
from ..shards.format import encoding, rows, stats
from ..shards.format.rows import SHARES
from ..shards.format.schema import CLASS
from ..shards.reader import Dataset, damage_told, read_members
from ..storage import parquet

_COLUMNS = (*SHARES, "components", "touches_border", CLASS.name)
_NAMING = ("index", "candidate")
"""Columns by which lists name samples."""
_NOTHING = RejectList(())
BINS = 1000
"""A score's histogram has so many bins, so that its quantiles are exact to 1/1000."""
MOST_COMPONENTS = 20
"""Masks of more components than this are counted together."""
_LARGEST = 512
"""Pixels of the mean mask; larger masks are reduced."""


@dataclass
class Distributions:
    """Counts over all samples of a data set."""

    samples: int = 0
    histograms: dict[str, np.ndarray] = field(default_factory=lambda: {n: np.zeros(BINS, np.int64) for n in SHARES})
    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SHARES, 0.0))
    components: np.ndarray = field(default_factory=lambda: np.zeros(MOST_COMPONENTS + 2, np.int64))
    """Samples with 0, 1, …, 20 and more components."""
    touching_border: int = 0
    empty: int = 0
    rejected: Counter = field(default_factory=Counter)
    """Rejected candidates by reason."""
    classes: Counter = field(default_factory=Counter)
    """Samples by the class that a class-conditional generator drew."""
    mean_mask: np.ndarray | None = None
    """Share of the masks in which a pixel is foreground, float64 H×W."""
    masks: int = 0
    """Masks that it is the mean of."""
    left_out: int = 0
    """Samples that are not counted, because a list names them."""

    def mean(self, score: str) -> float:
        """Mean of a score."""
        return self.sums[score] / self.samples

    def quantile(self, score: str, share: float) -> float:
        """The value that ``share`` of the samples do not exceed, to 1/1000."""
        counts = np.cumsum(self.histograms[score])
        return float(np.searchsorted(counts, share * self.samples, side="left") + 1) / BINS


def measure(dataset: Dataset, *, masks: int | None = None, without: RejectList = _NOTHING) -> Distributions:
    """Read the metadata of all samples, and masks. Memory does not grow with the data set.

    Args:
        masks: how many masks the mean mask is taken over, spread over all shards; default: all of them.
        without: samples that do not count. Candidates that were rejected before do.

    Raises:
        Damaged: a file is.
        NothingLeft: no sample counts.
    """
    found = Distributions()
    for shard in dataset.lengths:
        found.rejected.update(stats.read(dataset.store, shard)["rejected"])
        table = rows.read(dataset.store, shard, dataset.lengths[shard], columns=_COLUMNS + _NAMING * bool(without))
        kept = _kept(table, without)
        found.left_out += table.num_rows - kept.num_rows
        _add_rows(found, kept)
    if not found.samples:
        raise NothingLeft("without", found.left_out)
    _add_masks(found, dataset, masks, without)
    return found


def _kept(table: pa.Table, without: RejectList) -> pa.Table:
    """The rows that no entry names."""
    if not without:
        return table
    numbers = zip(*(table[name].to_pylist() for name in _NAMING), strict=True)
    return table.filter(pa.array([not without.names(*pair) for pair in numbers], pa.bool_()))


def _add_rows(found: Distributions, table: pa.Table) -> None:
    found.samples += table.num_rows
    for score in SHARES:
        values = parquet.numbers(table[score])
        found.histograms[score] += np.histogram(values, BINS, (0, 1))[0]
        found.sums[score] += float(values.sum())
    components = np.minimum(parquet.numbers(table["components"]), MOST_COMPONENTS + 1)
    found.components += np.bincount(components, minlength=MOST_COMPONENTS + 2)
    found.touching_border += int(np.count_nonzero(parquet.numbers(table["touches_border"])))
    if CLASS.name in table.column_names:
        found.classes.update(table[CLASS.name].to_pylist())
    found.empty += int(np.count_nonzero(parquet.numbers(table["mask_area"]) == 0))


def _add_masks(found: Distributions, dataset: Dataset, masks: int | None, without: RejectList) -> None:
    """The mean mask, at the size of the first one."""
    total, size = None, None
    for shard, count in _spread(dataset, masks):
        for key, members in read_members(dataset.store, shard, count=count, wanted=dataset.wanted(shard)):
            with damage_told(dataset.store, shard, key):
                if without and without.names(int(key), encoding.decode_metadata(members)["candidate"]):
                    continue
                mask = mask_png.decode(members["mask.png"], dataset.mask_values) == 1
            if total is None:
                height, width = mask.shape
                scale = min(1.0, _LARGEST / max(height, width))
                size = max(1, round(width * scale)), max(1, round(height * scale))
                total = np.zeros(size[::-1])
            picture = mask.astype(np.float32)
            total += (
                picture if picture.shape == total.shape else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            )
            found.masks += 1
    if total is not None:
        found.mean_mask = total / found.masks


def _spread(dataset: Dataset, masks: int | None) -> Iterator[tuple[int, int]]:
    """How many masks to take of each shard, its first ones, so that all shards have a share."""
    samples, before = len(dataset), 0
    wanted = samples if masks is None else min(masks, samples)
    for shard, length in dataset.lengths.items():
        count = (before + length) * wanted // samples - before * wanted // samples
        before += length
        if count:
            yield shard, count
