"""The images of a source without the broken ones, which are named once and skipped."""

import logging
import threading

import numpy as np

from ..errors import UserError
from ..shards.damage import Damaged
from ..short import short
from .source import Photographs, Source

logger = logging.getLogger(__name__)

BROKEN_SHARE = 0.01
"""More broken files than this stop a run."""


class WholeImages:
    """A source in which a broken image's place is taken by the next whole one; for several threads.

    ``setting``: what errors call the source.
    """

    def __init__(self, source: Source, *, setting: str = "images"):
        self.source, self.setting = source, setting
        self.broken: set[int] = set()
        self._lock = threading.Lock()

    def read(self, index: int, size: int) -> tuple[int, np.ndarray]:
        """The first whole image from ``index`` on, and its index: RGB uint8 H×W×3 in its own size.

        A very large JPEG may be read smaller, its shorter side at least ``size``.

        Raises:
            UserError: more than 1 % of the files are broken.
            Damaged: a picture of a data set of ours is.
        """
        for number in range(len(self.source)):
            found = (index + number) % len(self.source)
            if found in self.broken:
                continue
            try:
                image = self.source.read(found, size, reduced=True)
            except Damaged:  # of a data set of ours, in which nothing may be broken
                raise
            except (OSError, ValueError) as error:
                self._count_broken(found, error)
            else:
                self._tell(found)
                return found, image
        raise AssertionError("all files are broken, and the first of them did not stop the run")

    def not_known_broken(self, index: int) -> int:
        """The first index from ``index`` on that was not found broken so far."""
        while index in self.broken:
            index = (index + 1) % len(self.source)
        return index

    def _tell(self, index: int) -> None:
        if isinstance(self.source, Photographs):
            for line in self.source.notices.new():
                logger.warning("%s: there are %s; this is the first", self.source.name(index), line)

    def _count_broken(self, index: int, error: Exception) -> None:
        with self._lock:
            if index not in self.broken:
                self.broken.add(index)
                logger.warning("%s: broken, skipped (%s)", self.source.name(index), short(error, 300))
            count, total = len(self.broken), len(self.source)
        if count > BROKEN_SHARE * total:
            raise UserError(
                self.setting, got=f"{count} broken of {total}, the last {self.source.name(index)}",
                expected=f"at most {BROKEN_SHARE:.0%}", remedy="remove or restore the files named above",
            )  # fmt: skip
