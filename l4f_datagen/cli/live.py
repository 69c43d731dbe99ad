"""One line that says where things stand: live on a terminal, now and then in a file."""

import sys
import time
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

_SECONDS_BETWEEN_LINES = 10


class LiveLine:
    """A line on standard error; ``silent`` for all processes of a run but the first."""

    def __init__(self, *, silent: bool = False):
        self._start = time.monotonic()
        self._next_line = self._start + _SECONDS_BETWEEN_LINES
        self._silent = silent
        live = sys.stderr.isatty() and not silent
        self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True) if live else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def show(self, line: str, *, now: bool = False) -> None:
        """Say where things stand; in a file only every ten seconds, unless it has to be ``now``."""
        moment = time.monotonic()
        if self._live:
            self._live.update(Text(line))
        elif now or moment >= self._next_line:
            self._next_line = moment + _SECONDS_BETWEEN_LINES
            self.say(line)

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._live:
            self._live.console.print(text, highlight=False)
        elif not self._silent:
            print(text, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Take the live line away."""
        if self._live:
            self._live.stop()
            self._live = None

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._start


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
