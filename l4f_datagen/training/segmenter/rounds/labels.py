"""Photographs at a segmenter's size, and a tar of those that segmenters have labelled."""

import contextlib
import itertools
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....errors import UserError
from ....mask_files import png as mask_png
from ....networks.segmenter import Segmenter
from ....overlap import ordered_map
from ....photographs.opening import open_source
from ....progress.state import Counted
from ....settings import TrainSegmenterSettings
from ....shards.format import encoding
from ....shards.format.tar import TarWriter
from ....storage import atomic
from ...core.loop import Count
from ...core.real_images import RealImages
from .votes import VIEWED, vote

_HELD_OUT_EVERY = 10
"""Every so many-th photograph is never labelled: on these it is measured how far segmenters agree."""
_LEAST = 2 * _HELD_OUT_EVERY
_MOST_HELD_OUT, _MOST_LABELLED = 500, 20000
"""Photographs that are looked at in a round: of more of them these many, spread evenly."""
MOST_JUDGED = 20000
"""Samples of a source that are judged; of the others nothing is said."""
_AT_ONCE = 64
_READERS = 2
"""Threads that read photographs while segmenters look at those before them."""
_ANY_SIZE = 64
"""Of photographs that are only counted."""


@dataclass(frozen=True)
class Photographs:
    """Photographs, cut to squares of a segmenter's size; some are held out."""

    images: RealImages
    held_out: Sequence[int]
    others: Sequence[int]

    def digest(self) -> str:
        """SHA-256 over names and sizes."""
        return self.images.source.digest()

    def batches(self, indices: Sequence[int], things: str, count: Count) -> Iterator[tuple[Sequence[int], np.ndarray]]:
        """Indices and pictures, RGB uint8 (N, S, S, 3), a few at a time; ``count`` is told how many of the ``things``.

        Raises:
            UserError: more than 1 % of the files are broken.
        """
        read = ordered_map(self.images.picture, indices, workers=_READERS, ahead=_AT_ONCE)
        with contextlib.closing(read) as pictures:
            for start in range(0, len(indices), _AT_ONCE):
                count(Counted(start, len(indices), things))
                some = indices[start : start + _AT_ONCE]
                yield some, np.stack(list(itertools.islice(pictures, len(some))))
        count(Counted(len(indices), len(indices), things))


def open_photographs(settings: TrainSegmenterSettings, size: int) -> Photographs:
    """The photographs that the settings name, as squares of ``size`` pixels.

    Raises:
        UserError: there are none, or fewer than twenty.
    """
    source = open_source(settings.photographs, world_images=settings.world_images)
    if len(source) < _LEAST:
        raise UserError(
            "photographs", got=f"{len(source)}", expected=f"at least {_LEAST}: some are held out",
            remedy="give more photographs, or leave --photographs out",
        )  # fmt: skip
    images = RealImages(source, size=size, seed=settings.seed)
    held_out = range(_HELD_OUT_EVERY - 1, len(source), _HELD_OUT_EVERY)
    others = [index for index in range(len(source)) if index % _HELD_OUT_EVERY != _HELD_OUT_EVERY - 1]
    return Photographs(images, _spread(held_out, _MOST_HELD_OUT), _spread(others, _MOST_LABELLED))


def looks(settings: TrainSegmenterSettings, samples: int) -> int:
    """Images of one size that students look at between their trainings, if no round is left out.

    In each round but the last they label the photographs and judge the ``samples`` of their shards.

    Raises:
        UserError: as ``open_photographs``.
    """
    photographs = open_photographs(settings, settings.size or _ANY_SIZE)
    taught = len(photographs.others) + min(samples, MOST_JUDGED)
    found = settings.rounds * taught + (settings.rounds + 1) * len(photographs.held_out)
    return round(settings.students * VIEWED * found)


def agreement(networks: Sequence[Segmenter], photographs: Photographs, *, count: Count) -> float:
    """How far networks agree on the photographs that are held out: the mean of ``Votes.agreement``."""
    batches = photographs.batches(photographs.held_out, "photographs held out", count)
    found = [vote(networks, images).agreement for _, images in batches]
    return float(np.concatenate(found).mean())


def write_labels(
    path: Path, networks: Sequence[Segmenter], photographs: Photographs, *, least: float, count: Count
) -> int:
    """Label photographs, and write those of an agreement of at least ``least`` as KEY.png and KEY.mask.png.

    Returns how many. Nothing is written of none.
    """
    labelled = _labelled(networks, photographs, least, count)
    first = next(labelled, None)
    if first is None:
        return 0
    with atomic.replacing(path) as file:
        tar, written = TarWriter(file), 0
        for index, image, mask in _with_first(first, labelled):
            tar.add(f"{index:08d}.png", encoding.encode_image(image, "png", 100))
            tar.add(f"{index:08d}.mask.png", mask_png.encode(mask, "01"))
            written += 1
        tar.close()
    return written


def count_labels(path: Path) -> int:
    """How many photographs a tar of ``write_labels`` holds."""
    with tarfile.open(path) as tar:
        return len(tar.getnames()) // 2


_Row = tuple[int, np.ndarray, np.ndarray]
"""A photograph's index, its picture and its label."""


def _labelled(networks: Sequence[Segmenter], photographs: Photographs, least: float, count: Count) -> Iterator[_Row]:
    for indices, images in photographs.batches(photographs.others, "photographs looked at", count):
        votes = vote(networks, images)
        for index, image, mask, agree in zip(indices, images, votes.labels, votes.agreement, strict=True):
            if agree >= least:
                yield index, image, mask


def _with_first(first: _Row, others: Iterable[_Row]) -> Iterator[_Row]:
    yield first
    yield from others


def _spread(indices: Sequence[int], most: int) -> Sequence[int]:
    """All of them, or ``most`` at equal distances."""
    count = min(len(indices), most)
    return [indices[i * len(indices) // count] for i in range(count)]
