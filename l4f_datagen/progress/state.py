"""How far work is, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a command is that makes or reads the samples of a data set."""

    shard: int
    """The shard in work, from 0."""
    shards: int
    """Shards of the data set."""
    made: int
    """Samples that this run made."""
    to_make: int
    """Samples that this run has to make."""
    samples: int
    """Samples of the data set."""


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is."""

    iteration: int
    """Steps that are done."""
    iterations: int
    """Steps of the whole run."""
    terms: dict[str, float]
    """Means since the last line of the log, by name."""
    rate: float
    """Steps per second."""
    warning: str | None = None
    """What is wrong, said when it begins to be."""
    news: tuple[str, ...] = ()
    """What the training decided."""
    part: str = ""
    """The run within the run that it is of, as a path below its folder; "": the run itself."""


@dataclass(frozen=True)
class Counted:
    """How far a training is in what it does between its steps: with photographs that it labels, say."""

    done: int
    count: int
    things: str
    """What is counted, in the plural."""
