"""Processes as owners of locks: which one of which machine, and whether it is alive."""

import functools
import hashlib
import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of some machine."""

    host: str
    machine: str
    """A fingerprint of machine, boot and container: within it, process ids are unique."""
    pid: int
    started: int | None
    """When the process started, in ticks since the machine's boot; None where the system does not say."""


def this() -> Process:
    """The process that asks."""
    pid = os.getpid()
    state = _state(pid)
    return Process(socket.gethostname(), _machine(), pid, state and state[1])


def alive(process: Process) -> bool | None:
    """Whether a process runs; None for a process of another machine, of which nothing is known."""
    if process.machine != _machine():
        return None
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    state = _state(process.pid)
    if state is None or process.started is None:
        return True
    # A killed process stays listed until its parent looks; a number may belong to somebody else by now.
    return state[0] not in "ZX" and state[1] == process.started


def _state(pid: int) -> tuple[str, int] | None:
    """State letter and start time of a process of this machine; None where the system does not say (proc(5))."""
    try:
        # The name before it may hold anything, brackets too.
        words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return words[0].decode(), int(words[19])
    except (OSError, IndexError, ValueError):
        return None


@functools.cache
def _machine() -> str:
    parts = [socket.gethostname()]
    try:
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8"), os.readlink("/proc/self/ns/pid")]
    except OSError:
        parts.append(str(uuid.getnode()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
