"""Where a network came from: what data sets and their cards say about it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

UNKNOWN_LICENCE = "unknown"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Provenance of one network."""

    name: str
    """As the user gave it: an embedded name or a path."""
    format: str
    """"native", or the name of one of the ``layouts``: "rosinality", "nvidia", …"""
    sha256: str
    """Of the file that holds the tensors."""
    licence: str = UNKNOWN_LICENCE
    """Licence of the weights; what is generated inherits it."""
    notes: tuple[str, ...] = field(default=())
    """What the reader had to decide, one sentence each."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
