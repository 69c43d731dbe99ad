"""Jobs in a process of their own: what a driver, a kernel or a compiler does to one of them, the others do not feel.

After some errors a process can no longer use its GPU; others end it, or never come back. Then a new process goes on
with the next job.
"""

import json
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import IO, Any

import torch

from .rows import Row, failure

JOB_SECONDS = 90.0
"""The longest that one job may take: compiling the published kernels takes a minute or more."""
_MARK = "@row "
_DEAD = 75
"""Exit status of a worker whose GPU does not answer any more."""

Jobs = Mapping[str, Callable[[], Iterator[Row]]]


def here(jobs: Jobs, deadline: float) -> Iterator[Row]:
    """The rows of all jobs, in this process; one that fails gives a row that says why.

    Args:
        deadline: of ``time.monotonic``; jobs that have not begun by then are left out, and a row says so.
    """
    for name, job in jobs.items():
        if time.monotonic() > deadline:
            yield left_out(name)
            continue
        try:
            yield from job()
        except Exception as error:  # what else there is to measure is worth as much
            traceback.print_exc(file=sys.stderr)
            yield failure(name, f"{type(error).__name__}: {error}")


def worker(jobs: Jobs, device: torch.device) -> int:
    """Do jobs and say each row on standard output, for ``apart``. Returns the exit status."""
    for name, job in jobs.items():
        _say({"job": name})
        for row in here({name: job}, float("inf")):
            _say({"row": asdict(row)})
        _say({"done": name})
        if not _alive(device):
            return _DEAD
    return 0


def apart(names: Sequence[str], command: Sequence[str], deadline: float) -> Iterator[Row]:
    """The rows of jobs that worker processes do, one worker after the other as long as jobs are left.

    Args:
        names: of the jobs.
        command: what starts a worker; the names, with commas between them, follow it.
        deadline: of ``time.monotonic``; by then all is over.
    """
    waiting = list(names)
    while waiting and time.monotonic() < deadline:
        process = subprocess.Popen([*command, ",".join(waiting)], stdout=subprocess.PIPE, text=True)
        try:
            yield from _rows_of(process, waiting, deadline)
        finally:
            process.kill()
            process.wait()
    yield from map(left_out, waiting)


def _rows_of(process: subprocess.Popen, waiting: list[str], deadline: float) -> Iterator[Row]:
    """What one worker says until it ends or a job takes too long; takes what is done, or failed, from ``waiting``."""
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    limit = min(deadline, time.monotonic() + JOB_SECONDS)
    while True:
        try:
            line = lines.get(timeout=max(0.0, limit - time.monotonic()))
        except queue.Empty:
            job = waiting.pop(0)
            late = "the time of all is up" if limit == deadline else f"it took more than {JOB_SECONDS:.0f} s"
            yield failure(job, late)
            return
        if line is None:
            status = process.wait()
            if status not in (0, _DEAD) or (status == 0 and waiting):
                yield failure(waiting.pop(0), f"its process ended with {status}") if waiting else failure("worker", "")
            return
        if not line.startswith(_MARK):
            continue
        said: dict[str, Any] = json.loads(line.removeprefix(_MARK))
        if "job" in said:
            limit = min(deadline, time.monotonic() + JOB_SECONDS)
        elif "row" in said:
            yield Row(**said["row"])
        else:
            waiting.remove(said["done"])


def _read(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _say(what: dict[str, Any]) -> None:
    print(_MARK + json.dumps(what), flush=True)


def _alive(device: torch.device) -> bool:
    """Whether the device still computes."""
    try:
        return float(torch.ones(2, device=device).sum()) == 2
    except Exception:
        return False


def left_out(name: str) -> Row:
    """The row of a job for which no time was left."""
    return Row(name, 0, "", None, note="LEFT OUT: no time was left")
