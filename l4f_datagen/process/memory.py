"""The C library's allocator is told to keep the memory that is freed."""

import ctypes
import sys

# Parameter numbers of mallopt in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> bool:
    """Let the process reuse freed memory instead of giving it back to the system.

    Activations of many MiB come and go with every layer; by default glibc maps and unmaps each,
    and the page faults cost more than the arithmetic between two convolutions. One arena lets
    threads reuse each other's memory. For programs, not libraries: it concerns the whole process.

    Returns whether the allocator took it (glibc only; elsewhere nothing happens).
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_ARENA_MAX, 1) and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
