"""Samples of several sizes, which no loader can put into one batch."""

import warnings
from collections import Counter

from ..errors import UserError
from ..shards.format import rows
from ..shards.reader import Dataset
from ..storage import parquet

_SHOWN = 3


def check(dataset: Dataset, batch_size: int) -> None:
    """Tell of a data set whose images are not of one size: an error where batches are wanted, else a warning.

    Only imported data sets can be so, those whose images were kept as they are.

    Raises:
        UserError: there are several sizes, and batches of more than one sample are wanted.
        Damaged: a Parquet file is.
    """
    if dataset.description["settings"].get("size") != "keep":
        return
    found: Counter[tuple[int, int]] = Counter()
    for shard, samples in dataset.lengths.items():
        table = rows.read(dataset.store, shard, samples, columns=("height", "width"))
        found.update(zip(*(parquet.numbers(table[name]).tolist() for name in ("height", "width")), strict=True))
    if len(found) < 2:
        return
    told = ", ".join(f"{height}×{width} ({count})" for (height, width), count in found.most_common(_SHOWN))
    told = f"images of {len(found)} sizes: {told}{', …' * (len(found) > _SHOWN)}"
    if batch_size > 1:
        raise UserError(
            str(dataset.store),
            got=told,
            expected="one size for batches",
            remedy="give transform=, which makes all alike, or import the pictures with --size",
        )
    warnings.warn(f"{dataset.store}: {told}; a batch takes images of one size", stacklevel=3)
