"""``SHA256SUMS``, read along with the files whose checksums it holds."""

import re
from typing import BinaryIO

from ..format import checksums

_LINE = re.compile(rb"[0-9a-f]{64}")
_MOST = 4096
"""How many bytes of a line are read."""


class Sums:
    """The lines of ``SHA256SUMS``, in their order; without a file, nothing is known.

    Ask for each file's line once, in order. The first line that is wrong ends the reading, since one byte may shift all
    that follows: of the rest nothing is known then, and no file is blamed for it.
    """

    def __init__(self, file: BinaryIO | None):
        self._file, self.problem = file, None
        """The first problem of the file itself."""

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
        """Note a problem; the first one is kept."""
        self.problem = self.problem or problem

    def close(self) -> None:
        """Look whether something follows the last line that was asked for."""
        if self._file is not None and self._file.read(1):
            self.differs("more lines than there are files")
