"""One line that says where things stand: live on a terminal and in a notebook, now and then in a file."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from .fitting import fitted

_SECONDS_BETWEEN_LINES = 10
_SECONDS_BETWEEN_DISPLAYS = 0.5


@dataclass(frozen=True)
class Manner:
    """How all lines of this process are shown."""

    quiet: bool = False
    """Show no progress and no notes, results and errors only."""
    stage: str = ""
    """The stage that is being done, when there are several."""
    number: int = 0
    """Its number, from 1."""
    stages: int = 0
    """How many there are."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What a line begins with, the longest wording first."""
        if not self.stages:
            return ()
        return f"stage {self.number} of {self.stages}: {self.stage}", f"{self.number}/{self.stages} {self.stage}"


_manner = Manner()


@contextlib.contextmanager
def manner(**changes: Any) -> Iterator[None]:
    """Show lines in another manner while the block lasts; ``changes`` are those of ``Manner``."""
    global _manner
    before, _manner = _manner, replace(_manner, **changes)
    try:
        yield
    finally:
        _manner = before


def quiet() -> bool:
    """Whether nothing but results and errors is wanted."""
    return _manner.quiet


class _Screen(Protocol):
    """Where a line is drawn over the one before it."""

    def draw(self, parts: Sequence[str], share: float | None, drop: Sequence[int]) -> None: ...

    def say(self, text: str) -> None: ...

    def stop(self) -> None: ...


class LiveLine:
    """A line on standard error; ``silent`` for all processes of a run but the first."""

    def __init__(self, *, silent: bool = False):
        self._start = time.monotonic()
        self._next_line = self._start + _SECONDS_BETWEEN_LINES
        self._silent = silent or quiet()
        self._screen: _Screen | None = None
        if not self._silent:
            self._screen = _Terminal() if sys.stderr is not None and sys.stderr.isatty() else _notebook()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def show(
        self, parts: Sequence[str], *, share: float | None = None, drop: Sequence[int] = (), now: bool = False
    ) -> None:
        """Say where things stand; in a file only every ten seconds, unless it has to be ``now``.

        Args:
            parts: of the line, in their order.
            share: of the work that is done, in [0, 1].
            drop: indices of the parts that can go where there is little room, the least important first.
        """
        moment = time.monotonic()
        if self._screen:
            self._screen.draw(parts, share, drop)
        elif now or moment >= self._next_line:
            self._next_line = moment + _SECONDS_BETWEEN_LINES
            self.say("  ".join([*_manner.labels[:1], *parts]))

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._screen:
            self._screen.say(text)
        elif not self._silent:
            print(text, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Take the live line away."""
        if self._screen:
            self._screen.stop()
            self._screen = None

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._start


class _Terminal:
    """A line of a terminal, redrawn a few times a second, as wide as the terminal is then."""

    def __init__(self) -> None:
        # Imported here: a program without a terminal needs none of it.
        from rich.console import Console
        from rich.live import Live

        self._latest: tuple[Sequence[str], float | None, Sequence[int]] | None = None
        self._live = Live(
            console=Console(stderr=True), refresh_per_second=4, transient=True, get_renderable=self._render
        )
        self._live.start()

    def _render(self):
        from rich.text import Text

        if self._latest is None:
            return Text("")
        parts, share, drop = self._latest
        width = self._live.console.width - 1
        return Text(fitted(parts, width, share=share, labels=_manner.labels, drop=drop), no_wrap=True)

    def draw(self, parts: Sequence[str], share: float | None, drop: Sequence[int]) -> None:
        self._latest = parts, share, drop

    def say(self, text: str) -> None:
        self._live.console.print(text, highlight=False, markup=False)

    def stop(self) -> None:
        self._live.stop()


class _Notebook:
    """An output of a notebook's cell, rewritten twice a second; its last line stays. It needs no widgets."""

    _WIDTH = 100

    def __init__(self, display: Any) -> None:
        self._display, self._handle, self._next = display, None, 0.0
        self._line = ""

    def draw(self, parts: Sequence[str], share: float | None, drop: Sequence[int]) -> None:
        self._line = fitted(parts, self._WIDTH, share=share, labels=_manner.labels, drop=drop)
        if time.monotonic() >= self._next:
            self._put()

    def say(self, text: str) -> None:
        print(text)

    def stop(self) -> None:
        if self._line:
            self._put()

    def _put(self) -> None:
        content = {"text/plain": self._line}
        if self._handle is None:
            self._handle = self._display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)
        self._next = time.monotonic() + _SECONDS_BETWEEN_DISPLAYS


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def _notebook() -> _Notebook | None:
    return _Notebook(sys.modules["IPython"].display.display) if in_notebook() else None


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
