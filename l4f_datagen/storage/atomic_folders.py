"""Folders that are there whole or not at all, as ``atomic`` has it for files."""

import contextlib
import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from .atomic import SUFFIX, explained, make_folder, sync_path

_NEW, _OLD = ".new" + SUFFIX, ".old" + SUFFIX
_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden folder beside ``path`` to write into; it takes the place of ``path`` when the block ends well.

    Whenever the program is killed, the old folder or the new one is there: on Linux under its name at once, elsewhere
    at the latest after ``settle``.

    Raises:
        CannotWrite: the disk is full, say; then the old folder is what it was.
    """
    new = path.with_name(f".{path.name}{_NEW}")
    with explained(path):
        _settle(path)
        make_folder(new)
    try:
        yield new
        with explained(path):
            for folder, _, files in os.walk(new):
                for name in files:
                    sync_path(Path(folder, name))
                sync_path(Path(folder))
            _put(new, path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def remove(path: Path) -> None:
    """Remove a folder so that no half of it is ever seen under its name."""
    gone = path.with_name(f".{path.name}.gone{SUFFIX}")
    shutil.rmtree(gone, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def settle(parent: Path) -> None:
    """Remove what killed programs left of folders in ``parent``; an old one whose new one never came is put back."""
    if not parent.is_dir():
        return
    for old in parent.glob(f".*{_OLD}"):
        _settle(old.with_name(old.name[1:].removesuffix(_OLD)))
    for left in parent.glob(f".*{SUFFIX}"):
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def _settle(path: Path) -> None:
    new, old = (path.with_name(f".{path.name}{suffix}") for suffix in (_NEW, _OLD))
    if old.is_dir() and not path.exists():
        old.rename(path)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)


def _put(new: Path, path: Path) -> None:
    if not path.exists():
        new.rename(path)
    elif _exchanged(new, path):
        shutil.rmtree(new, ignore_errors=True)
    else:
        old = path.with_name(f".{path.name}{_OLD}")
        path.rename(old)
        new.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    sync_path(path.parent)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two folders change their names in one step, where system and file system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM):
        return False
    raise OSError(number, os.strerror(number), str(other))
