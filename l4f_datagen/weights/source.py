"""Where a network came from, as data sets and their cards tell it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

UNKNOWN_LICENCE = "unknown"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Provenance of one network."""

    name: str
    """What the user called it: an embedded name, a path or an address."""
    format: str
    """"native", or the name of one of the ``layouts``: "rosinality", "nvidia", …"""
    sha256: str
    """SHA-256 of the file that holds the tensors, lower-case hexadecimal."""
    licence: str = UNKNOWN_LICENCE
    """The licence of the weights, which generated images inherit."""
    notes: tuple[str, ...] = field(default=())
    """What had to be decided while it was read, one sentence each."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
