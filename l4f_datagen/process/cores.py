"""How many cores this process may use: fewer than the machine has, where a scheduler or a container gave it some."""

import os


def cores() -> int:
    """The cores that this process may run on; 1 where nobody can tell."""
    count = getattr(os, "process_cpu_count", None)  # from Python 3.13 on; heeds PYTHON_CPU_COUNT too
    if count is not None:
        return count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
