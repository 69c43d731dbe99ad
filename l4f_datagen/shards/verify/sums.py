"""``SHA256SUMS``, read along with the files whose checksums it holds."""

import re
from typing import BinaryIO

from ..format import checksums

_LINE = re.compile(rb"[0-9a-f]{64}")
_MOST = 4096
"""Bytes of a line that are looked at."""


class Sums:
    """The lines of ``SHA256SUMS``, in their order; without a file, nothing is known.

    Each file's line is asked for once. Whatever is no such line ends the reading, since one byte may shift all that
    follows: nothing is known of the rest then, and no file is blamed for it.
    """

    def __init__(self, file: BinaryIO | None):
        self._file, self.problem = file, None
        """What is wrong with the file itself, the first thing that is."""

    def next(self, name: str) -> str | None:
        """The SHA-256 that the file holds for ``name``; None when that is not known."""
        if self._file is None:
            return None
        line = self._file.readline(_MOST)
        sha256 = line[:64]
        if _LINE.fullmatch(sha256) and line == checksums.line(name, sha256.decode()):
            return sha256.decode()
        self._file = None
        self.differs(f"no line of {name} where there should be one")
        return None

    def differs(self, problem: str) -> None:
        """Note what is wrong; the first of it is told."""
        self.problem = self.problem or problem

    def close(self) -> None:
        """Look whether something follows the last line that was asked for."""
        if self._file is not None and self._file.read(1):
            self.differs("more lines than there are files")
