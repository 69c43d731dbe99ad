"""The one place that writes files: there whole or not at all, and what goes wrong is told in one line."""

import contextlib
import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import UserError, WorkError

SUFFIX = ".tmp"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers that say that a disk, a quota or a file can hold no more."""
_LONGEST = 200
"""How many bytes of a file's name its temporary name repeats: file systems allow 255 in all."""
_BUFFER, _PART_BUFFER = 256 << 10, 16 << 10
_FOLDER = "a writable folder"


class CannotWrite(WorkError):
    """A file could not be written; nothing of it is there, and what was there before still is."""

    def __init__(self, place: str | Path, number: int | None, reason: str):
        self.place, self.errno, self.reason = str(place), number, reason
        if number in FULL:
            line = f"{place}: no room left ({reason}); what was finished stays; make room and"
        else:
            line = f"{place}: cannot be written ({reason}); what was finished stays; mend that and"
        super().__init__(f"{line} run the same command again")

    def __reduce__(self):
        # Pickle would call the class with the line alone.
        return CannotWrite, (self.place, self.errno, self.reason)

    @property
    def full(self) -> bool:
        """Whether there was no room left."""
        return self.errno in FULL


@contextlib.contextmanager
def explained(place: str | Path) -> Iterator[None]:
    """Turn an OSError of the block into one that names ``place``.

    Raises:
        CannotWrite: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise _cannot(place, error) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a temporary file in the same folder; sync and rename it when the block ends well, remove it when not.

    A link stays one, and its target is replaced; a device or a pipe is written as it is.

    Raises:
        CannotWrite: the disk is full, say. Other errors of the block are let through.
    """
    with explained(path):
        if path.is_symlink():
            path = Path(os.path.realpath(path))
        special = path.exists() and not path.is_file() and not path.is_dir()
    if special:
        with _open(path, path, "wb") as file:
            yield file
        return
    new = temporary(path)
    try:
        with _open(new, path, "wb") as file:
            yield file
            file.flush()
            with explained(path):
                os.fsync(file.fileno())
        with explained(path):
            os.replace(new, path)
            sync_path(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``. Raises ``CannotWrite``."""
    with replacing(path) as file:
        file.write(content)


def create_bytes(path: Path, content: bytes) -> bool:
    """Write ``path`` if nothing is there. If several processes try, one succeeds. Returns whether it was this one.

    Raises:
        CannotWrite: the disk is full, say.
    """
    new = temporary(path)
    try:
        with _open(new, path, "wb") as file:
            file.write(content)
            file.flush()
            with explained(path):
                os.fsync(file.fileno())
        try:
            os.link(new, path)  # unlike a rename it replaces nothing
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if path.exists():
                return False
            with explained(path):
                os.replace(new, path)
        with explained(path):
            sync_path(path.parent)
        return True
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file. If that fails, the file is what it was. Raises ``CannotWrite``."""
    with explained(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)


def open_part(path: Path) -> BinaryIO:
    """Open a new file inside a folder that will appear as a whole: it needs no temporary name and no sync of its own.

    Whatever fails, here or in the file, is told as ``CannotWrite``.
    """
    return _open(path, path, "wb+")


def write_part(path: Path, content: bytes) -> None:
    """Write a file as ``open_part`` does."""
    with open_part(path) as file:
        file.write(content)


def make_folder(path: Path) -> None:
    """Create a folder and those above it, unless they are there. Raises ``CannotWrite``."""
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)


def check_folder(path: Path, subject: str) -> None:
    """Create a folder if need be, and try whether it can be written: before the work, which may take hours.

    Args:
        subject: what the user called it by, "out runs/a" say.

    Raises:
        UserError: it is a file, or cannot be written.
        CannotWrite: there is no room left.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe{SUFFIX}"  # of one name, so that one that a kill left is removed by the next
        _open(probe, path, "wb").close()
        probe.unlink(missing_ok=True)
    except (CannotWrite, OSError, ValueError) as error:
        raise _refused(path, subject, error, _FOLDER) from error


def check_file(path: Path, subject: str) -> None:
    """Create a file's folder if need be, and try whether the file can be written: before the work.

    Raises:
        UserError: it is a folder, or cannot be written.
        CannotWrite: there is no room left.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.lstat()  # its temporary name may be shorter than a name that is too long
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists():
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if not stat.S_ISREG(path.stat().st_mode):
                return
        probe = path.with_name(f".probe{SUFFIX}")
        _open(probe, path, "wb").close()
        probe.unlink(missing_ok=True)
    except (CannotWrite, OSError, ValueError) as error:
        raise _refused(path, subject, error, "a file's name in a writable folder") from error


def sync_path(path: Path) -> None:
    """Make a file's content, or renames and removals in a folder, last through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary(path: Path) -> Path:
    """A name for what is to become ``path``.

    Each is new: a shard may be in work twice, when a worker that was given up is still alive.
    """
    stem = os.fsdecode(os.fsencode(path.name)[:_LONGEST])
    return path.with_name(f".{stem}.{secrets.token_hex(4)}{SUFFIX}")


class _Raw(io.FileIO):
    """A file whose errors name the file that it will become."""

    def __init__(self, path: Path, target: Path, mode: str):
        self._target = target
        with explained(target):
            super().__init__(path, mode)

    def write(self, content) -> int:
        with explained(self._target):
            return super().write(content)


def _open(path: Path, target: Path, mode: str) -> BinaryIO:
    if "+" in mode:  # many at a time, as a rule
        return io.BufferedRandom(_Raw(path, target, mode), _PART_BUFFER)
    return io.BufferedWriter(_Raw(path, target, mode), _BUFFER)


def _cannot(place: str | Path, error: OSError) -> CannotWrite:
    return CannotWrite(place, error.errno, error.strerror or str(error))


def _refused(path: Path, subject: str, error: Exception, expected: str) -> Exception:
    """The error of a place that cannot be written from the start."""
    number, reason = getattr(error, "errno", None), getattr(error, "reason", None)
    reason = " ".join(str(reason or getattr(error, "strerror", None) or error).split())
    if number in FULL:
        return CannotWrite(path, number, reason)
    if number in (errno.EEXIST, errno.ENOTDIR) and expected == _FOLDER:
        return UserError(subject, got="a file", expected="a folder", remedy="choose another path")
    return UserError(
        subject, got=f"a place that cannot be written ({reason})", expected=expected,
        remedy="choose another path or change its permissions",
    )  # fmt: skip
