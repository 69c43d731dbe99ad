"""What is left out where photographs are looked for: counted, and told in one line."""

import logging
import multiprocessing
import os
from collections import Counter
from collections.abc import Collection

from ..short import short
from . import names

logger = logging.getLogger(__name__)

_OTHERS = "files of other kinds"
_SHOWN_KINDS, _SHOWN_NAME = 6, 80


class LeftOut:
    """Counts of what was left out, by what it is, with the first name of each."""

    def __init__(self):
        self.counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._others: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(self.counts.values())

    def add(self, what: str, name: str, count: int = 1) -> None:
        """Count something that is called ``what`` in the plural, "broken links"."""
        self.counts[what] += count
        self._first.setdefault(what, name)

    def add_other(self, name: str) -> None:
        """Count a file that is no picture, as far as its name says."""
        extension = names.extension(name)
        self._others[f".{extension}" if extension else "without extension"] += 1
        self.add(_OTHERS, name)

    def merge(self, other: "LeftOut") -> None:
        """Count what another one has counted."""
        self.counts += other.counts
        self._others += other._others
        self._first = other._first | self._first

    def forget(self, extensions: Collection[str]) -> None:
        """Count files with these extensions no longer: they were not left out after all."""
        for kind in [kind for kind in self._others if kind[1:] in extensions]:
            self.counts[_OTHERS] -= self._others.pop(kind)
        self.counts = +self.counts

    def text(self) -> str:
        """ "3 hidden (.a.jpg, …), 2 broken links (b.png, …)"; empty if there is nothing."""
        parts = []
        for what, count in self.counts.items():
            if what == _OTHERS:
                kinds = [f"{kind} {number}" for kind, number in self._others.most_common(_SHOWN_KINDS)]
                shown = ", ".join(kinds) + (", …" if len(self._others) > _SHOWN_KINDS else "")
            else:
                shown = short(self._first[what], _SHOWN_NAME) + (", …" if count > 1 else "")
            parts.append(f"{count} {what} ({shown})")
        return ", ".join(parts)

    def pictures_of_other_kinds(self) -> bool:
        """Whether there were pictures among them that could be converted."""
        return any(kind[1:] in names.OTHER_PICTURES for kind in self._others)

    def tell(self, where: str) -> None:
        """Log it, if there is anything; of several processes that look at the same place, the first one does."""
        first = os.environ.get("RANK", "0") == "0" and multiprocessing.parent_process() is None
        if self and first:
            advice = "; convert the pictures among them" if self.pictures_of_other_kinds() else ""
            logger.warning("%s: left out %s%s", where, self.text(), advice)
