"""Disks that fill, places that cannot be written, and kills, made for tests; no rights are needed for any of them."""

import contextlib
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from l4f_datagen.storage import atomic, atomic_folders


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond ``size`` bytes, whoever writes it, in Python or in C: EFBIG.

    Python ignores the signal that comes with it. What is read is not limited.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def room_for(monkeypatch, size: int, error: int) -> Iterator[None]:
    """All files together may take ``size`` bytes more; then every write fails with ``error``."""
    import os

    left, write, append = [size], atomic._Raw.write, os.write

    def spend(content) -> None:
        left[0] -= memoryview(content).nbytes
        if left[0] < 0:
            raise OSError(error, os.strerror(error))

    def limited(raw, content):
        with atomic.explained(raw._target):
            spend(content)
        return write(raw, content)

    def limited_append(descriptor, content):
        spend(content)
        return append(descriptor, content)

    with monkeypatch.context() as patch:
        patch.setattr(atomic._Raw, "write", limited)
        patch.setattr(atomic.os, "write", limited_append)
        yield


@contextlib.contextmanager
def snapshots(monkeypatch, folder: Path, kept: Path) -> Iterator[list[Path]]:
    """Copies of ``folder`` as a kill would leave it: before and after every write, rename and removal.

    Of states that look the same only the first is kept.
    """
    taken: list[Path] = []
    seen = set()

    def take() -> None:
        state = frozenset(
            (path.relative_to(folder).as_posix(), path.read_bytes() if path.is_file() else None)
            for path in folder.rglob("*")
        )
        if state not in seen:
            seen.add(state)
            taken.append(kept / f"{len(taken):03d}")
            shutil.copytree(folder, taken[-1])

    def around(function):
        def called(*args, **kwargs):
            take()
            try:
                return function(*args, **kwargs)
            finally:
                take()

        return called

    kept.mkdir()
    with monkeypatch.context() as patch:
        for owner, names in (
            (atomic, ("_open",)),
            (atomic._Raw, ("write", "close")),
            (atomic.os, ("replace", "link", "fsync", "rename", "unlink", "rmdir")),
            (atomic_folders, ("_exchanged",)),
            (Path, ("rename", "unlink", "rmdir", "mkdir")),
        ):
            for name in names:
                patch.setattr(owner, name, around(getattr(owner, name)))
        yield taken
