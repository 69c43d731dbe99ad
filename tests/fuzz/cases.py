"""One kind's cases, read in this process, which may crash.

``python -m tests.fuzz.cases KIND FIRST COUNT SEED SECONDS`` tells on its standard output, in
a line of JSON each, that a case begins and how it ended.
"""

import importlib
import json
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from types import ModuleType

from l4f_datagen.errors import UserError, WorkError

from .mutations import bytes_mutated

SECONDS = 10
"""Of the processor, for one case."""
MEMORY = 1 << 30
"""Bytes that one case may take beyond what was there."""
_LONGEST_LINE = 2000
_ROOM = 2 << 30
"""Addresses that libraries set aside and never fill."""


def content_of(kind: ModuleType, index: int, seed: int, seeds: Mapping[str, bytes]) -> tuple[str, bytes]:
    """The name of the whole file that a case was made of, and the changed one."""
    numbers = random.Random(f"{seed}/{index}")
    name = numbers.choice(sorted(seeds))
    structured = getattr(kind, "mutated", None)
    if structured and numbers.random() >= getattr(kind, "BYTES", 0.5):
        return name, structured(seeds[name], numbers)
    return name, bytes_mutated(seeds[name], list(seeds.values()), getattr(kind, "TOKENS", ()), numbers)


def read(kind: ModuleType, content: bytes) -> str:
    """Read a case: "read", or "refused" where it raised what it may.

    Raises:
        AssertionError: a message is not one line, or endless.
    """
    try:
        kind.read(content)
    except getattr(kind, "ALLOWED", (UserError, WorkError)) as error:
        line = str(error)
        assert line.strip() and len(line) <= _LONGEST_LINE, f"a message of {len(line)} characters: {line[:300]!r}"
        assert all(c.isprintable() for c in line), f"a message that is not one line of text: {line[:300]!r}"
        return "refused"
    return "read"


def main(name: str, first: int, count: int, seed: int, seconds: int = SECONDS) -> None:
    """Read some cases; one that takes more than ``seconds`` ends the process."""
    kind = importlib.import_module(f"tests.fuzz.{name}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        seeds = kind.seeds()
        for whole, content in seeds.items():  # what is imported late is imported now, and a whole file is read
            assert read(kind, content) == "read", f"the whole file {whole} is refused"
        _tell(begun=None)
        resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + MEMORY + _ROOM, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for index in range(first, first + count):
            _tell(begun=index)
            whole, content = content_of(kind, index, seed, seeds)
            _tell(ended=index, whole=whole, **_measured(kind, content, seconds))
        os.chdir("/")


def _measured(kind: ModuleType, content: bytes, seconds: int) -> dict[str, object]:
    before, started = _forget_peak(), time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(started) + seconds + 1, resource.RLIM_INFINITY))
    try:
        outcome = {"outcome": read(kind, content)}
    except BaseException as error:  # whatever it is, it is the finding
        told = "".join(traceback.format_tb(error.__traceback__, limit=-6))
        outcome = {"outcome": "raised", "error": f"{type(error).__name__}: {str(error)[:1000]}\n{told[-2000:]}"}
    return outcome | {"seconds": time.process_time() - started, "memory": max(0, _status("VmHWM") - before)}


def _forget_peak() -> int:
    """Start to measure the peak of memory anew; bytes that are taken now."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return _status("VmRSS")


def _status(name: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(f"{name}:"))


def _tell(**fields: object) -> None:
    # The lines go to what was the standard output when this began: a library may write on it.
    os.write(_lines, json.dumps(fields).encode() + b"\n")


if __name__ == "__main__":
    _lines = os.dup(1)
    os.dup2(2, 1)
    main(sys.argv[1], *map(int, sys.argv[2:]))
