"""What the driver of several workers and the workers say to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..settings import GenerateSettings
from ..shards.format.arithmetic import Arithmetic
from ..storage.store import Store


@dataclass(frozen=True)
class Job:
    """What all workers of a run are told."""

    settings: GenerateSettings
    """With the worker's device, and paths that mean the same in any process."""
    out: Store
    description: Mapping[str, Any]
    """The data set's, as the driver describes it: its checkpoints and versions are those of all workers."""
    threads: int | None = None
    """Threads of torch; None leaves them."""
    allow_mixed: bool = False
    """Whether other versions, and another arithmetic, than the data set's are insisted on."""


@dataclass(frozen=True)
class News:
    """What a worker tells its driver."""

    ready: bool
    """Its networks are loaded and are those of the data set."""
    counts: Mapping[int, int]
    """Samples of the shards in work so far."""
    done: tuple[int, ...]
    """Shards that were finished since the last news."""
    error: Exception | None
    arithmetic: Arithmetic | None = None
    """What makes this worker's shards, once it is ready."""
