"""Lock files of writers: whatever one says, a folder is free again after the usual silence, or somebody is named."""

import logging
import random
from collections.abc import Mapping
from pathlib import Path

from l4f_datagen.storage import lock
from l4f_datagen.storage.local_store import LocalStore

from .mutations import json_mutated

TOKENS = (b"[" * 3000, b'{"a":' * 3000, b"1e400", b"NaN", b"9" * 5000, b"null", b"true", b'"', b"\\ud800", b",", b"}")
BYTES = 0.4
REFUSES = False
"""What says nothing of use is nobody's lock."""


class _Quick(LocalStore):
    beat = 0.004


def seeds() -> Mapping[str, bytes]:
    """That of a process of another machine that is gone, and of this one."""
    logging.disable()
    with lock.writing(_Quick(Path("seed")), range(0, 4)):
        found = next(Path("seed").glob(".writing-*")).read_bytes()
    return {"this": found, "another": found.replace(b'"machine": "', b'"machine": "0')}


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A field changed."""
    return json_mutated(content, numbers)


def read(content: bytes) -> None:
    """As every command that writes."""
    place = Path("locked")
    place.mkdir(exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    (place / f"{lock.PREFIX}{'0' * 12}{lock.SUFFIX}").write_bytes(content)
    with lock.writing(_Quick(place), range(2, 3)):
        pass
