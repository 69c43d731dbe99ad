"""A row of the table, and the clock of a device."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    device: torch.device
    quick: bool
    """Tiny networks and a round or two: shows that every line works, not how fast it is."""
    seconds: float
    """For each timing."""


@dataclass(frozen=True)
class Row:
    """One measurement."""

    part: str
    size: int
    """Height and width of the images in pixels."""
    what: str
    milliseconds: float | None
    """For one sample, or for one step or phase of training."""
    per_second: float | None = None
    floor: float | None = None
    """Milliseconds of its bare convolutions alone."""
    note: str = ""

    def cells(self) -> list[str]:
        """As text."""
        times = ("" if value is None else f"{value:.3f}" for value in (self.milliseconds, self.floor))
        milliseconds, floor = times
        ratio = f"{self.milliseconds / self.floor:.2f}" if self.milliseconds and self.floor else ""
        rate = "" if self.per_second is None else f"{self.per_second:.1f}"
        return [self.part, str(self.size), self.what, milliseconds, floor, ratio, rate, self.note]

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


HEADER = ["part", "px", "what", "ms", "floor ms", "over floor", "per second", "note"]


def milliseconds(plan: Plan, work: Callable[[], object]) -> float:
    """Median time of one call, after six that warm up: phases of trainings are recorded at the fourth."""
    times = []
    for _ in range(1 if plan.quick else 6):
        work()
    synchronize(plan.device)
    begun = time.perf_counter()
    while not times or (time.perf_counter() - begun < plan.seconds and len(times) < 1000):
        start = time.perf_counter()
        if plan.device.type == "cuda":
            first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            first.record()
            work()
            last.record()
            last.synchronize()
            times.append(first.elapsed_time(last))
        else:
            work()
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def failure(name: str, why: str) -> Row:
    """The row of what could not be measured."""
    return Row(name, 0, "", None, note=f"FAILED: {' '.join(why.split())[:300]}")


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
