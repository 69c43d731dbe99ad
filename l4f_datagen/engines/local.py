"""One process makes all shards, one after the other."""

import contextlib
import errno
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from .. import settings as settings_module
from ..errors import WorkError
from ..generation.stream import Models, load_models, stream
from ..settings import GenerateSettings
from ..shards import folder as folders
from ..shards.writer import write_shard

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PACKAGES = ("l4f-datagen", "torch", "numpy", "opencv-python-headless", "pillow", "webdataset", "pyarrow")


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    shard: int
    """The shard in work."""
    shards: int
    made: int
    """Samples that this run made."""
    to_make: int
    """Samples that this run has to make."""
    samples: int
    """Samples of the data set."""


def generate(
    settings: GenerateSettings,
    out: str | Path,
    *,
    overwrite: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    models: Models | None = None,
) -> Progress:
    """Write the data set of ``settings`` into the folder ``out``, or continue it.

    Calls ``report`` after every sample. Shards that are finished stay as they are.

    Raises:
        UserError: checkpoints, device or folder are not usable; nothing was written.
        WorkError: the disk is full; finished shards stay, and the same call continues.
    """
    out = Path(out).expanduser()
    models = models or load_models(settings)
    folders.open_for_writing(out, describe(settings, models), overwrite=overwrite)
    pending = [
        shard
        for shard in range(settings.shards)
        if not folders.shard_done(out, shard, len(settings.shard_indices(shard)))
    ]
    to_make, made = sum(len(settings.shard_indices(shard)) for shard in pending), 0
    progress = Progress(settings.shards, settings.shards, made, to_make, settings.n)
    with contextlib.closing(stream(settings, shards=pending, models=models)) as samples:
        for shard in pending:

            def step(shard: int = shard) -> None:
                nonlocal made, progress
                made += 1
                progress = Progress(shard, settings.shards, made, to_make, settings.n)
                report(progress)

            with _explaining_full_disk(shard):
                folders.remove_shard(out, shard)
                write_shard(
                    out,
                    shard,
                    islice(samples, len(settings.shard_indices(shard))),
                    image_format=settings.image_format,
                    quality=settings.quality,
                    report=step,
                )
    with _explaining_full_disk(settings.shards - 1):
        folders.finalize(out, settings)
    return progress


def describe(settings: GenerateSettings, models: Models) -> dict[str, Any]:
    """What ``dataset.json`` says of a data set."""
    sources = {"generator": models.generator_source, "alpha": models.alpha_source}
    identity = settings_module.identity(
        settings, {name: source.sha256 for name, source in sources.items()}, models.device.type
    )
    resolved = {"alpha": settings.alpha or settings.generator, "device": str(models.device)}
    return {
        "settings": settings.model_dump(mode="json") | resolved,
        "identity": identity,
        "fingerprint": settings_module.fingerprint(identity),
        "checkpoints": {name: asdict(source) for name, source in sources.items()},
        "versions": _versions(),
        "counts": {"samples": settings.n, "shards": settings.shards},
    }


def _versions() -> Mapping[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


@contextlib.contextmanager
def _explaining_full_disk(shard: int):
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise WorkError(
            f"no room left while writing shard {shard} ({error.strerror}): the finished shards stay; "
            "make room and run the same command again to continue"
        ) from error
