"""What the driver of several workers and the workers say to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..settings import GenerateSettings
from ..shards.format.arithmetic import Arithmetic
from ..storage.store import Store


@dataclass(frozen=True)
class Job:
    """What every worker of a run is told."""

    settings: GenerateSettings
    """The settings, with the worker's own device, and with paths that mean the same in every process."""
    out: Store
    description: Mapping[str, Any]
    """``dataset.json`` as the driver describes the data set: all workers have to have its checkpoints and versions."""
    reference: bytes | None = None
    """A function that has to agree with every sample, as ``sending`` packs it."""
    threads: int | None = None
    """Number of torch's threads; None leaves it as it is."""
    allow_mixed: bool = False
    """Whether somebody insists on other versions, or another arithmetic, than those of the data set."""


@dataclass(frozen=True)
class News:
    """What a worker tells its driver."""

    ready: bool
    """Whether its networks are loaded, and are those of the data set."""
    counts: Mapping[int, int]
    """For each shard in work, how many of its samples are made."""
    done: tuple[int, ...]
    """Shards that were finished since the last news."""
    error: Exception | None
    arithmetic: Arithmetic | None = None
    """The arithmetic of this worker, once it is ready."""
