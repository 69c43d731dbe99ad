"""Timing within one run: alternatives take turns, so that a machine that slows down slows all of them."""

import statistics
import time
from collections.abc import Callable, Sequence


def medians(alternatives: Sequence[Callable[[], object]], *, rounds: int, warm_up: int = 2) -> list[float]:
    """Median seconds of each alternative over ``rounds`` rounds in turn."""
    for _ in range(warm_up):
        for alternative in alternatives:
            alternative()
    times = [[] for _ in alternatives]
    for _ in range(rounds):
        for alternative, seconds in zip(alternatives, times, strict=True):
            start = time.perf_counter()
            alternative()
            seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in times]
