"""A data set folder → a folder of pages that a browser opens from the disk, without a server and without a network."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ..overlap import ordered_map
from ..process.cores import cores
from ..progress.state import Progress
from ..sample import Sample
from ..settings.reject_list import NothingLeft, RejectList
from ..shards import folder
from ..shards.format.encoding import encode_image
from ..shards.reader import Dataset, decode, open_dataset
from ..sheet import ROWS, views
from ..storage import atomic, atomic_folders
from .columns import Columns

PAGE, DATA, PICTURES = "index.html", "data.js", "pictures"
_PAGES = Path(__file__).with_name("page")
"""What is the same in every gallery."""
_FOLDER_DIGITS = 6
"""Pictures lie in folders of a thousand: the first digits of their keys."""
_QUALITY = 85
_GUTTER = 4
"""Pixels by which each picture of a strip is continued on either side: two fill a block of a JPEG."""
_NOTHING = RejectList(())
_AHEAD = 4
"""Samples that wait per thread."""
_SHOWN = ("decisiveness", "mask_area")
"""What stands under pictures that are sorted by their keys: the first of these that varies."""


@dataclass(frozen=True)
class Gallery:
    """What was made."""

    page: Path
    """What a browser opens."""
    samples: int
    """Samples in it."""
    scores: tuple[str, ...]
    """What they can be sorted and filtered by."""


def make_gallery(
    source: str | Path,
    out: str | Path,
    *,
    side: int = 192,
    n: int | None = None,
    without: RejectList = _NOTHING,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Gallery:
    """Write the samples of a data set's finished shards as pages into the folder ``out``. Reports after every sample.

    The same data set gives the same bytes with the same versions. ``out`` appears when it is complete; a gallery that
    was there is replaced.

    Args:
        side: the most pixels that a picture is high and wide.
        n: how many samples, the first ones; default: all.
        without: samples that are left out.

    Raises:
        UserError: it is no data set, or ``out`` is in use.
        Damaged: a sample is; nothing is left.
        NothingLeft: ``without`` names all of them.
        CannotWrite: the disk is full, say; nothing is left.
    """
    dataset = open_dataset(source, allow_incomplete=True)
    path = atomic_folders.place_for(out, may_replace=_is_gallery)
    count = len(dataset) if n is None else min(n, len(dataset))
    keys: list[int] = []
    candidates: list[int] = []
    columns, per_shard = Columns(), folder.shard_lengths(dataset.description)
    with atomic_folders.replacing(path, subject=f"out {out}") as place:
        for shard, sample, strip in _strips(dataset, count, side, without):
            _write_picture(place, sample.key, strip)
            keys.append(int(sample.key))
            candidates.append(sample.metadata["candidate"])
            columns.add(sample.metadata)
            report(Progress(shard, len(per_shard), len(keys), count, count))
        if not keys:
            raise NothingLeft("without", len(dataset))
        varying = columns.varying()
        names = [column["name"] for column in varying]
        data = {
            "name": folder.index_name(dataset.description),
            "fingerprint": dataset.description["fingerprint"],
            "of": len(dataset),
            "side": side,
            "views": list(ROWS),
            "shown": next((name for name in (*_SHOWN, *names) if name in names), ""),
            "keys": keys,
            "candidates": candidates,
            "columns": varying,
            "constant": columns.constant(),
            "rejected_before": dataset.description["settings"].get("reject_list") or [],
        }
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
        atomic.write_part(place / DATA, f'"use strict";\nconst GALLERY = {text};\n'.encode())
        for page in sorted(_PAGES.iterdir()):
            atomic.write_part(place / page.name, page.read_bytes())
    return Gallery(path / PAGE, len(keys), tuple(names))


def _is_gallery(path: Path) -> bool:
    """Whether a folder holds a gallery, and nothing else."""
    ours = {DATA, PICTURES, *(page.name for page in _PAGES.iterdir())}
    return {entry.name for entry in path.iterdir()} <= ours and (path / DATA).is_file()


def _strips(dataset: Dataset, count: int, side: int, without: RejectList) -> Iterator[tuple[int, Sample, bytes]]:
    """Shards and samples with a JPEG of their views side by side: one file each, so that views change without
    another file."""

    def strip(stored: tuple[int, str, dict[str, bytes]]) -> tuple[int, Sample, bytes] | None:
        shard, key, members = stored
        sample = decode(dataset.store, shard, key, members, dataset.mask_values)
        if without.names(int(key), sample.metadata["candidate"]):
            return None
        pictures = views(sample, min(side, max(sample.mask.shape)))
        return shard, sample, encode_image(_beside(pictures), "jpg", _QUALITY)

    shards = (shard for shard, length in dataset.lengths.items() for _ in range(length))
    stored = ((shard, key, members) for shard, (key, members) in zip(shards, dataset.members(), strict=True))
    workers = cores()
    if not without:
        stored = islice(stored, count)
    with contextlib.closing(ordered_map(strip, stored, workers=workers, ahead=_AHEAD * workers)) as made:
        yield from islice((one for one in made if one is not None), count)


def _beside(pictures: list[np.ndarray]) -> np.ndarray:
    """Square pictures from left to right, each continued by its border, which keeps its neighbours out of it."""
    wide = [np.pad(picture, ((0, 0), (_GUTTER, _GUTTER), (0, 0)), mode="edge") for picture in pictures]
    return np.concatenate(wide, axis=1)[:, _GUTTER:-_GUTTER]


def _write_picture(place: Path, key: str, strip: bytes) -> None:
    within = place / PICTURES / key[:_FOLDER_DIGITS]
    if not within.is_dir():
        atomic.make_folder(within)
    atomic.write_part(within / f"{key}.jpg", strip)
