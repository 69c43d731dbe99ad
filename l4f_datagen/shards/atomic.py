"""Files that are there whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".tmp"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a temporary file in the same folder; sync and rename it when the block ends well, remove it when not."""
    new = temporary(path)
    try:
        with new.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``."""
    with replacing(path) as file:
        file.write(content)


def create_bytes(path: Path, content: bytes) -> bool:
    """Write ``path`` if nothing is there. Of several processes that try, one succeeds; returns whether this one did."""
    new = temporary(path)
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)  # unlike a rename it replaces nothing
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if path.exists():
                return False
            new.replace(path)
        sync_folder(path.parent)
        return True
    finally:
        new.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in ``folder`` last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary(path: Path) -> Path:
    """A name for what is to become ``path``.

    Each is new: a shard may be in work twice, when a worker that was given up is still alive.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{SUFFIX}")
