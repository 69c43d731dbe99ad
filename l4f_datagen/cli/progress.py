"""Progress for people: a live line on a terminal, plain lines in a file."""

import sys
import time
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..engines.dataset import Progress

_SECONDS_BETWEEN_LINES = 10


class _Reporter:
    """A line on standard error: live on a terminal, else now and then."""

    def __init__(self):
        self._console = Console(stderr=True)
        self._start = time.monotonic()
        self._next_line = self._start + _SECONDS_BETWEEN_LINES
        self._live = Live(console=self._console, refresh_per_second=4, transient=True) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.__exit__(*error)

    def show(self, line: str) -> None:
        """Say where things stand."""
        now = time.monotonic()
        if self._live:
            self._live.update(Text(line))
        elif now >= self._next_line:
            self._next_line = now + _SECONDS_BETWEEN_LINES
            print(line, file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._start


class ProgressReporter(_Reporter):
    """Shows samples/s, the shard in work and the time left."""

    def __call__(self, progress: Progress) -> None:
        self.show(self.line(progress))

    def line(self, progress: Progress) -> str:
        """One line of where things stand."""
        rate = progress.made / max(time.monotonic() - self._start, 1e-9)
        left = duration((progress.to_make - progress.made) / rate) if rate else "?"
        done = progress.samples - progress.to_make + progress.made
        return (
            f"{done}/{progress.samples} samples  {rate:.1f}/s  shard {progress.shard + 1} of {progress.shards}  "
            f"{left} left"
        )


class CountReporter(_Reporter):
    """Shows how many of some things are done."""

    def __init__(self, things: str):
        super().__init__()
        self._things = things

    def __call__(self, done: int, count: int) -> None:
        rate = done / max(self.seconds, 1e-9)
        self.show(f"{done}/{count} {self._things}  {rate:.1f}/s  {duration((count - done) / rate)} left")


def closing_line(out: str, progress: Progress, seconds: float, shards: range | None) -> str:
    """What a run says at its end; ``shards`` when it made a part of the data set."""
    rate = f", {progress.made / seconds:.1f}/s" if progress.made else ""
    made = f"made {progress.made} in {seconds:.1f} s{rate}"
    if shards is None:
        return f"{out}: {progress.samples} samples in {progress.shards} shards; {made}"
    return (
        f"{out}: shards {shards.start}:{shards.stop} of {progress.shards} are done; {made}; "
        f"once all are, l4f-datagen finalize {out} ends the data set"
    )


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
