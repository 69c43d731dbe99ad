"""Folders that are there whole or not at all, as ``atomic`` has it for files."""

import contextlib
import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import UserError
from .atomic import SUFFIX, check_folder, explained, make_folder, sync_path
from .opening import local_place

_NEW, _OLD = ".new" + SUFFIX, ".old" + SUFFIX
_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux."""


def place_for(out: str | Path, *, may_replace: Callable[[Path], bool] = lambda folder: False) -> Path:
    """The path of a folder that is to be made, where nothing is yet, or one that may be replaced.

    Args:
        may_replace: whether a folder that is not empty may be.

    Raises:
        UserError: a file is there, or a folder that holds something else.
    """
    path = local_place(out).resolve()
    try:
        entries = [entry.name for entry in path.iterdir()]
    except FileNotFoundError:
        return path
    except NotADirectoryError:
        raise UserError(f"out {out}", got="a file", expected="a folder", remedy="choose another path") from None
    if entries and not may_replace(path):
        raise UserError(
            f"out {out}", got=f"a folder that holds {min(entries)}", expected="a new or empty folder",
            remedy="remove it or choose another",
        )  # fmt: skip
    return path


@contextlib.contextmanager
def replacing(path: Path, *, subject: str | None = None) -> Iterator[Path]:
    """A hidden folder beside ``path`` to write into; it takes the place of ``path`` when the block ends well.

    Whenever the program is killed, the old folder or the new one is there: on Linux under its name at once, elsewhere
    at the latest after ``settle``.

    Args:
        subject: what the user called the folder by, "out gallery" say: of a folder of very many files, which are
            synced all at once, because one by one would take longer than writing them.

    Raises:
        UserError: nothing can be written there from the start; told where ``subject`` is given.
        CannotWrite: the disk is full, say; then the old folder is what it was.
    """
    new = path.with_name(f".{path.name}{_NEW}")
    if subject is not None:
        check_folder(new, subject)
    with explained(path):
        _settle(path)
        make_folder(new)
    try:
        yield new
        with explained(path):
            _sync(new) if subject is None else os.sync()
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


def _sync(new: Path) -> None:
    for folder, _, files in os.walk(new):
        for name in files:
            sync_path(Path(folder, name))
        sync_path(Path(folder))


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
