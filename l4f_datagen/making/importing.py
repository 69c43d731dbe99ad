"""Labelled images of other people become a data set folder like those that are generated."""

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import scores
from .. import settings as settings_module
from ..errors import UserError
from ..masks import HALF, IGNORED, make_mask
from ..overlap import ordered_map
from ..progress.state import Progress
from ..sample import Sample
from ..samples.opening import open_samples
from ..samples.reading import Reading
from ..samples.sample import Samples
from ..settings import ImportSettings
from ..shards.format.arithmetic import Arithmetic
from ..shards.format.schema import SCHEMA
from ..storage.store import Store
from ..versions import versions
from .arithmetic_probe import of_picture
from .extending import with_begun
from .trunk import write_dataset

_PACKAGES = ("l4f-datagen", "numpy", "opencv-python-headless", "pillow", "pyarrow", "pycocotools")
_READERS, _AHEAD = 2, 8
_PROBE = 64
"""Side of the probe's picture in pixels, where samples keep their own sizes."""
_PLACES = frozenset(("source", "format", "images", "masks", "alphas", "n", "values", "allow_empty"))
"""Settings that do not make a data set another one by themselves: the same files may lie elsewhere, more of them may be
taken, and ``foreground`` says what values mean."""


def open_source(settings: ImportSettings) -> Samples:
    """Open the labelled images that ``settings`` name, and look at all their labels.

    Raises:
        UserError: there is no such source, or its files do not fit together.
    """
    reading = Reading(
        values=settings.values, foreground=settings.foreground_values, allow_empty=settings.allow_empty,
        kind=settings.format, images=settings.images, masks=settings.masks, alphas=settings.alphas,
        categories=settings.categories, skip_unmatched=settings.skip_unmatched,
    )  # fmt: skip
    size = 64 if settings.size == "keep" else settings.size
    source = open_samples(settings.source, reading, size=size, count=settings.n or 1000)
    if (settings.n or 0) > len(source):
        raise UserError("n", got=settings.n, expected=f"at most the {len(source)} of the source", remedy="change --n")
    if settings.mask_values == "0255" and source.ignores:
        raise UserError(
            "mask-values", got="0255 for labels with ignored pixels, which are 255 themselves",
            expected="01 or palette", remedy="leave it out",
        )  # fmt: skip
    return source


def import_dataset(
    settings: ImportSettings,
    out: str | Path | Store,
    *,
    overwrite: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    source: Samples | None = None,
    allow_mixed: bool = False,
) -> Progress:
    """Write the labelled images that ``settings`` name into the data set folder ``out``, or continue it.

    Calls ``report`` after every sample. Shards that are finished stay as they are.

    Raises:
        UserError: the source's files do not fit together, or the folder is not usable.
        WorkError: the disk is full; finished shards stay, and the same call continues.
    """
    source = source or open_source(settings)
    settings = with_begun(settings, out, overwrite=overwrite)
    settings = settings.model_copy(update={"n": settings.n or len(source)})
    return write_dataset(
        settings,
        out,
        describe(settings, source),
        lambda shards: stream(settings, source, shards=shards),
        overwrite=overwrite,
        report=report,
        probe=lambda: arithmetic(settings),
        allow_mixed=allow_mixed,
    )


def arithmetic(settings: ImportSettings) -> Arithmetic:
    """The arithmetic by which this process makes samples of these settings: versions, processor, and a probe."""
    size = _PROBE if settings.size == "keep" else settings.size
    return of_picture(size, settings, packages=_PACKAGES)


def stream(settings: ImportSettings, source: Samples, *, shards: Iterable[int]) -> Generator[Sample]:
    """The samples of some shards in order.

    Their ``foreground_code`` and ``background_code`` are the image's place in the source, and both psi are 1.
    """
    places = ((shard, index) for shard in shards for index in settings.shard_indices(shard))
    return ordered_map(lambda place: _sample(settings, source, *place), places, workers=_READERS, ahead=_AHEAD)


def describe(settings: ImportSettings, source: Samples) -> dict[str, Any]:
    """What ``dataset.json`` says of an imported data set: a source in place of checkpoints."""
    identity = settings.identity(without=_PLACES) | {
        "kind": source.KIND,
        "foreground": source.foreground,
        "files": source.digest,
    }
    return {
        "settings": settings.model_dump(mode="json"),
        "identity": identity,
        "fingerprint": settings_module.fingerprint(identity),
        "checkpoints": {},
        "source": {
            "name": source.name,
            "kind": source.KIND,
            "foreground": source.foreground,
            "alphas": source.has_alphas,
            "licence": settings.licence,
            "labels": len(source),
        },
        "versions": versions(_PACKAGES),
        "counts": {"samples": settings.n, "shards": settings.shards},
    }


def _sample(settings: ImportSettings, source: Samples, shard: int, index: int) -> Sample:
    picture, mask, alpha = source.picture(index), source.mask(index), source.alpha(index)
    image, content = picture.image, picture.content
    if not image.shape[:2] == mask.shape == (mask if alpha is None else alpha).shape:
        raise source.of_two_sizes(index)
    if alpha is None:
        alpha = 255 * (mask == 1).astype(np.uint8)
    if settings.size != "keep" and image.shape[:2] != (settings.size, settings.size):
        image, content = shrink_and_crop(image, settings.size), None
        mask, alpha = _shrink(mask, settings.size), shrink_and_crop(alpha, settings.size)
    values = {
        "key": f"{index:09d}",
        "shard": shard,
        "index": index,
        "seed": 0,
        "foreground_code": index,
        "background_code": index,
        "candidate": 0,
        "background_source": "source",
        "psi": 1.0,
        "background_psi": 1.0,
        "threshold": HALF.threshold,
        "height": mask.shape[0],
        "width": mask.shape[1],
        **scores.score(alpha, (mask == 1).astype(np.uint8), HALF.threshold),
    }
    return Sample(
        image=image,
        alpha=alpha,
        mask=mask,
        metadata={name: values[name] for name in SCHEMA.names},
        encoded=content if picture.format == settings.image_format else None,
    )


def _shrink(mask: np.ndarray, size: int) -> np.ndarray:
    """Shrink a mask: a pixel is foreground if at least half of it was, and ignored if its middle was."""
    share = shrink_and_crop(255 * (mask == 1).astype(np.uint8), size)
    ignored = shrink_and_crop((mask == IGNORED).astype(np.uint8), size, nearest=True)
    return np.where(ignored == 1, IGNORED, make_mask(share, HALF)).astype(np.uint8)


def shrink_and_crop(array: np.ndarray, size: int, *, nearest: bool = False) -> np.ndarray:
    """The shorter side → ``size``, then the middle ``size`` × ``size`` of it; uint8 H×W or H×W×3."""
    height, width = array.shape[:2]
    scale = size / min(height, width)
    way = cv2.INTER_NEAREST_EXACT if nearest else cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shape = max(size, round(width * scale)), max(size, round(height * scale))
    array = cv2.resize(array, shape, interpolation=way)
    top, left = ((length - size) // 2 for length in array.shape[:2])
    return np.ascontiguousarray(array[top : top + size, left : left + size])
