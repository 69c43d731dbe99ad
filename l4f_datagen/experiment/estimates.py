"""How long an experiment will roughly take on this machine, from speeds that were measured on others."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from .pieces import Plan
from .record import hardware
from .registry import stages

Kind = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Machine:
    """What an experiment is done with."""

    cores: int
    gpu: str = ""
    """Its name; "": there is none."""

    def __str__(self) -> str:
        return self.gpu or f"{self.cores} core{'s' * (self.cores != 1)}"


def this_machine() -> Machine:
    """The cores that this process may use, and the first GPU."""
    found = hardware()
    return Machine(found["cores"], next(iter(found["gpus"]), ""))


class Speed(NamedTuple):
    """Images per second of a stage's work; of trainings those that the networks see, of others those that are made."""

    stage: str
    kind: Kind
    """``cpu``: two cores of an AMD EPYC; ``gpu``: one NVIDIA H200."""
    resolution: int
    speed: float
    source: str


_PAGE = "docs/performance.md"
SPEEDS = (
    Speed("train-generator", "cpu", 64, 30, f"{_PAGE}: float32, 128 channels at most"),
    Speed("train-generator", "cpu", 128, 17, f"{_PAGE}: 27 in bfloat16, and at 64 px float32 has .65 of its speed"),
    Speed("train-generator", "gpu", 64, 200, f"{_PAGE}: 256 channels at most, two other trainings beside it"),
    Speed("train-generator", "gpu", 256, 66, f"{_PAGE}: published size, from its times per phase, no path lengths"),
    Speed("train-layered", "cpu", 64, 50, f"{_PAGE}: 30 on one core; two are taken to be 1.7 times as fast"),
    Speed("train-alpha", "cpu", 64, 20, f"{_PAGE}: 256 channels, five minutes on one core for 750 steps of 8 in all"),
    Speed("train-alpha", "gpu", 256, 11, f"{_PAGE}: published size"),
    Speed("generate", "cpu", 64, 119, f"{_PAGE}: 128 channels at most, 185 without refinement, filters, foregrounds"),
    Speed("generate", "cpu", 128, 71, f"{_PAGE}: 128 channels at most, with all of these"),
    Speed("generate", "gpu", 256, 232, f"{_PAGE}: published size"),
    Speed("generate", "gpu", 1024, 35.7, f"{_PAGE}: published size"),
    Speed("train-encoder", "cpu", 64, 53, f"{_PAGE}: 1500 steps of 32 in 15 minutes"),
    Speed("project", "cpu", 64, 140, f"{_PAGE}: photographs times steps; 50 steps from an encoder's answer in .35 s"),
    Speed("train-segmenter", "cpu", 64, 100, f"{_PAGE}: twelve trainings of 22 400 images in 45 minutes"),
    Speed("train-segmenter", "gpu", 256, 100, "not measured; taken to be that of two cores at 64 px"),
)
"""One row for every figure. They are of certain networks; others are slower or faster by as much as ten times."""
_LOOKS = 3
"""Images that a network looks at while it would learn from one: the pass back takes as long as two forward."""
_CORES, _GAIN = 2, 0.7
"""Cores that the figures are of; n times as many are taken to be n to the power .7 times as fast (a guess)."""


def speed(stage: str, machine: Machine, resolution: int) -> float | None:
    """Images per second of a stage on a machine; None where no row is of its kind.

    Between two resolutions it is interpolated on logarithmic scales. Above the highest it falls with the number of
    pixels, below the lowest it stays.
    """
    kind: Kind = "gpu" if machine.gpu else "cpu"
    rows = sorted((row.resolution, row.speed) for row in SPEEDS if (row.stage, row.kind) == (stage, kind))
    if not rows:
        return None
    more = 1.0 if machine.gpu else (machine.cores / _CORES) ** _GAIN
    if resolution <= rows[0][0]:
        return rows[0][1] * more
    for (low, slow), (high, fast) in pairwise(rows):
        if resolution <= high:
            share = math.log(resolution / low) / math.log(high / low)
            return slow * (fast / slow) ** share * more
    highest, last = rows[-1]
    return last * (highest / resolution) ** 2 * more


@dataclass(frozen=True)
class Estimate:
    """Seconds of the pieces of a plan by name; None where nothing is known."""

    machine: Machine
    resolution: int | None
    seconds: Mapping[str, float | None]

    @property
    def total(self) -> float:
        """Seconds of all pieces of which something is known."""
        return sum(seconds or 0.0 for seconds in self.seconds.values())

    def lines(self) -> list[str]:
        """What a user is told."""
        if self.resolution is None:
            return ["how long it takes is not estimated: the resolution of its images is not known yet"]
        known = [f"{name} {_roughly(seconds)}" for name, seconds in self.seconds.items() if seconds is not None]
        if not known:
            return []
        where = f"on {self.machine}, at {self.resolution} px"
        return [
            f"roughly {_roughly(self.total)} {where}: {', '.join(known)}",
            "an estimate from speeds of other machines and networks (two cores, an H200): it may be twice or half that",
        ]


def _roughly(seconds: float) -> str:
    """Seconds in words, no more exact than they are."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def estimate(plan: Plan, machine: Machine) -> Estimate:
    """How long a plan's pieces take, each from nothing."""
    known = stages()
    sizes = (known[piece.kind].resolution(piece) for piece in plan.pieces)
    size = next((one for one in sizes if one is not None), None)
    seconds: dict[str, float | None] = {}
    for piece in plan.pieces:
        stage = known[piece.kind]
        images, looks = stage.images(piece), stage.looks(piece, plan)
        fast = speed(piece.kind, machine, size) if size else None
        if not images or looks is None or not fast:
            seconds[piece.name] = None
        else:
            seconds[piece.name] = (images + looks / _LOOKS) / fast
    return Estimate(machine, size, seconds)
