"""What asks a process to end: Ctrl-C, a scheduler's SIGTERM, a terminal that goes away."""

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_SAME_WISH = 1.0
"""Signals within so many seconds count as one: a terminal and a launcher may both send one, and people press twice."""
INTERRUPTED = 130
_first: float | None = None
"""Time of the first signal; None before it."""
_code: int | None = None
"""What the process ends with, once that is known."""


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """Let the first signal raise ``KeyboardInterrupt`` while the block lasts, and a later one end the process at once.

    What a process inherits as ignored stays ignored: ``nohup`` does that with SIGHUP, a shell without job control with
    SIGINT for what it starts in the background. SIGTERM is never ignored.
    """
    global _first
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _first, before = None, {}
    for number in _numbers():
        found = signal.getsignal(number)
        if number == signal.SIGTERM or found is not signal.SIG_IGN:
            before[number] = found
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Keep signals from the process's children until they ask for them with ``deaf``.

    A child that is started in the block inherits them blocked. One that comes while it is still importing its modules
    waits, where it would print a traceback. This process gets what came meanwhile when the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, where children get no signals of this kind
        yield
        return
    from multiprocessing import resource_tracker  # the program loads this module first, and most commands no children

    # It unblocks SIGINT and SIGTERM when it has started, which the first child would do in the middle of its own start.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _numbers())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def deaf() -> None:
    """Ignore them all from here on, those that waited too: for a child whose parent is told as well, and ends it."""
    for number in _numbers():
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _numbers())


def until_work_begins() -> None:
    """End the process without a traceback when a signal comes while the program is still being loaded."""
    atexit.unregister(_end_as_said)
    atexit.register(_end_as_said)  # registered before all others, so that it is called after them
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(INTERRUPTED))


def received() -> bool:
    """Whether a signal came."""
    return _first is not None


def ending(code: int) -> None:
    """Say that the work is over and reported: from here on a signal ends the process with ``code``, without a word."""
    global _code
    _code = code
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(code))


def _end_as_said() -> None:
    """Leave an interrupted process with its code.

    Python kills itself with SIGINT where a ``KeyboardInterrupt`` went through code that a compiled module evaluates, as
    torch's does while it is imported, even if the exception was caught later on.
    """
    if _code == INTERRUPTED:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # one that is closed or full was told before
                stream.flush()
        os._exit(INTERRUPTED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _first
    if _first is None:
        _first = time.monotonic()
        raise KeyboardInterrupt
    if time.monotonic() - _first > _SAME_WISH:
        # Nothing is lost: files appear whole, and a lock whose process is gone is taken over.
        os._exit(INTERRUPTED)


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
