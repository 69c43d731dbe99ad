"""One process renders a world into a data set folder."""

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .. import scores, worlds
from .. import settings as settings_module
from ..masks import MaskLaw, make_mask
from ..progress.state import Progress
from ..sample import Sample
from ..settings import RenderSettings
from ..shards.format.arithmetic import Arithmetic
from ..storage.store import Store
from ..versions import versions
from .arithmetic_probe import of_samples
from .extending import with_begun
from .trunk import write_dataset

_PACKAGES = ("l4f-datagen", "numpy", "opencv-python-headless", "pillow", "pyarrow")
_PSI = 1.0
"""Both psi of every rendering, since nothing is truncated."""


def render(
    settings: RenderSettings,
    out: str | Path | Store,
    *,
    overwrite: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: range | None = None,
    allow_mixed: bool = False,
) -> Progress:
    """Write the renderings of ``settings`` into the data set folder ``out``, or continue it.

    Calls ``report`` after every sample. Shards that are finished stay as they are. With ``shards``, only these are
    made, and not the files over all of them, which ``trunk.finalize`` writes.

    Raises:
        UserError: there is no such world, its split is too small, the folder is not usable, or shards there were made
            by another arithmetic and nobody said ``allow_mixed``; nothing was written.
        WorkError: the disk is full; finished shards stay, and the same call continues.
    """
    settings = with_begun(settings, out, overwrite=overwrite)
    return write_dataset(
        settings,
        out,
        describe(settings),
        lambda pending: stream(settings, shards=pending),
        overwrite=overwrite,
        report=report,
        shards=shards,
        probe=lambda: arithmetic(settings),
        allow_mixed=allow_mixed,
    )


def arithmetic(settings: RenderSettings) -> Arithmetic:
    """The arithmetic by which this process makes samples of these settings: versions, processor, and a probe."""
    samples = [_sample(settings, 0, 0, 0)]
    return of_samples(samples, settings, packages=_PACKAGES)


def stream(settings: RenderSettings, *, shards: Iterable[int] | None = None) -> Generator[Sample]:
    """The samples of ``settings`` in order; of some shards, or of all.

    Their ``foreground_code`` and ``background_code`` are the picture's index in its world, and both psi are 1.
    """
    pictures = worlds.split(settings.split, settings.n)
    for shard in range(settings.shards) if shards is None else shards:
        for index in settings.shard_indices(shard):
            yield _sample(settings, shard, index, pictures[index])


def describe(settings: RenderSettings) -> dict[str, Any]:
    """What ``dataset.json`` says of a rendered data set: a world in place of checkpoints.

    Raises:
        UserError: there is no such world, or its split is too small.
    """
    worlds.check_name(settings.world)
    worlds.split(settings.split, settings.n)
    identity = settings.identity(without=("n",))
    return {
        "settings": settings.model_dump(mode="json"),
        "identity": identity,
        "fingerprint": settings_module.fingerprint(identity),
        "checkpoints": {},
        "world": {"name": settings.world, "masks": "exact", "licence": worlds.LICENCE},
        "versions": versions(_PACKAGES),
        "counts": {"samples": settings.n, "shards": settings.shards},
    }


def _sample(settings: RenderSettings, shard: int, index: int, picture: int) -> Sample:
    rendering = worlds.render(settings.world, seed=settings.seed, index=picture, size=settings.size)
    image, alpha = rendering.image, rendering.alpha
    if settings.backgrounds_only:
        image, alpha = rendering.background, np.zeros_like(alpha)
    mask = make_mask(alpha, MaskLaw(threshold=settings.threshold))
    metadata = {
        "key": f"{index:09d}",
        "shard": shard,
        "index": index,
        "seed": settings.seed,
        "foreground_code": picture,
        "background_code": picture,
        "candidate": 0,
        "background_source": f"world:{settings.world}",
        "psi": _PSI,
        "background_psi": _PSI,
        "threshold": settings.threshold,
        "height": settings.size,
        "width": settings.size,
        **scores.score(alpha, mask, settings.threshold),
    }
    return Sample(image=image, alpha=alpha, mask=mask, metadata=metadata)
