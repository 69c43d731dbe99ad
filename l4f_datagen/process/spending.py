"""What the time of a long work goes to, so that whoever waits sees what limits it.

Threads measure their own parts where these are done. Nothing is measured, and nothing is slower, unless somebody asked.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from .cores import cores


class Spending:
    """Seconds of threads by part of the work, and of a GPU."""

    def __init__(self) -> None:
        self._lock, self._stacks = threading.Lock(), threading.local()
        self._seconds: dict[str, float] = {}
        self._device = 0.0
        self.measured = False
        """Whether somebody asked."""

    @contextlib.contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count a block's time, or a decorated function's, for a part; what parts within it take counts for them."""
        if not self.measured:
            yield
            return
        stack: list[float] = self._stacks.__dict__.setdefault("inner", [])
        stack.append(0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            whole = time.perf_counter() - start
            own = whole - stack.pop()
            if stack:
                stack[-1] += whole
            with self._lock:
                self._seconds[part] = self._seconds.get(part, 0.0) + own

    def add_device(self, seconds: float) -> None:
        """Count time in which a GPU computed."""
        with self._lock:
            self._device += seconds

    @contextlib.contextmanager
    def told(self, logger: logging.Logger) -> Iterator[None]:
        """Measure while the block lasts, and log one line at its end, where that logger says such things.

        The line has each part's share of the threads' time, how busy the cores were that this process may use, and how
        busy the GPU was where there is one.
        """
        if self.measured or not logger.isEnabledFor(logging.INFO):
            yield
            return
        self._seconds, self._device, self.measured = {}, 0.0, True
        start, processor = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.measured = False
        wall = time.perf_counter() - start
        if line := self.line(wall, time.process_time() - processor):
            logger.info("%s", line)

    def line(self, wall: float, processor: float) -> str:
        """What was measured, in words; "": nothing.

        Args:
            wall: seconds that the work took.
            processor: seconds of all cores that it took.
        """
        whole = sum(self._seconds.values())
        if whole <= 0 or wall <= 0:
            return ""
        shares = sorted(self._seconds.items(), key=lambda part: -part[1])
        parts = ", ".join(f"{name} {seconds / whole:.0%}" for name, seconds in shares)
        count = cores()
        text = (
            f"time of the threads: {parts}; {count} core{'s' * (count != 1)} {min(1.0, processor / wall / count):.0%}"
        )
        return f"{text} busy" + (f", the GPU {min(1.0, self._device / wall):.0%}" if self._device else "")


SPENDING = Spending()
"""Of this process."""
