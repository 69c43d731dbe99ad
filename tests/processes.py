"""Other processes: what they bring about is waited for however slow the machine is, and none outlives its test."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

PATIENCE = 300
"""Seconds after which what is waited for counts as something that never comes, on a machine that does much else."""


class Started(Protocol):
    """A process that one can ask whether it has ended."""

    def poll(self) -> int | None:
        """Its exit code; None while it is at work."""
        ...


def until(holds: Callable[[], object], process: Started | None = None, told: Callable[[], str] = str) -> None:
    """Wait until something holds.

    Args:
        process: who brings it about. That it ended before is an error.
        told: what it said, for that error.
    """
    end = time.monotonic() + PATIENCE
    while True:
        code = process.poll() if process is not None else None  # before one looks: its last deed counts
        if holds():
            return
        assert code is None, f"the process ended with {code} before: {told()}"
        assert time.monotonic() < end, f"nothing in {PATIENCE} s: {told()}"
        time.sleep(0.005)


@contextlib.contextmanager
def running(words: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A program, the head of a session of its own. Whatever is left of it at the end of the block is killed."""
    with subprocess.Popen(words, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def free_port() -> Iterator[int]:
    """A port of this machine that nobody else is given while the block lasts.

    Who is told its number can listen there, as all servers ask for addresses that another has had (``SO_REUSEADDR``).
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
