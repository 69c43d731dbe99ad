"""Whether one arithmetic made all shards of a data set, according to their stats."""

from collections.abc import Mapping
from typing import Any

from ..format import arithmetic, layout
from ..format.arithmetic import Arithmetic
from ..ranges import Ranges


class ArithmeticCheck:
    """Takes the stats of the shards in order. Memory grows with the number of arithmetics, not of shards."""

    def __init__(self, description: Mapping[str, Any] | None):
        self.problems: list[tuple[str, str]] = []
        """Pairs of a file and its problem: another arithmetic made its shard, and nobody insisted on it."""
        self._first = arithmetic.of_dataset(description) if description else None
        self._accepted = bool(description) and description.get(arithmetic.ALLOWED) is True
        self._unknown = Ranges()
        self._others: dict[str, Ranges] = {}
        self._versions: dict[str, Ranges] = {}

    def add(self, shard: int, stats: Mapping[str, Any] | None) -> None:
        """Look at one more shard; None: its stats cannot be read."""
        if stats is None:
            return
        made_by = arithmetic.stated(stats)
        if made_by is None:
            self._unknown.add(shard)
            return
        insisted = self._accepted or stats.get(arithmetic.ALLOWED) is True
        if self._first is None and not insisted:
            self._first = made_by
        if self._first is None or made_by.probe == self._first.probe:
            self._note_versions(shard, made_by)
        elif insisted:
            self._others.setdefault(self._first.difference(made_by), Ranges()).add(shard)
        else:
            words = f"made by another arithmetic than the rest: {self._first.difference(made_by)}"
            self.problems.append((layout.stats(shard), words))

    def notes(self) -> list[str]:
        """What is worth knowing and no problem, a line each."""
        notes = [
            f"shards {ranges} were made by another arithmetic, as --allow-mixed asked for: {words}"
            for words, ranges in self._others.items()
        ]
        notes += [
            f"shards {ranges} were made with other versions: {words}; a probe gave the same bytes with both"
            for words, ranges in self._versions.items()
        ]
        if self._unknown:
            notes.append(
                f"shards {self._unknown} do not tell what arithmetic made them, versions and kind of processor"
            )
        return notes

    def _note_versions(self, shard: int, made_by: Arithmetic) -> None:
        there = self._first.versions if self._first is not None else made_by.versions
        if words := ", ".join(arithmetic.different_versions(there, made_by.versions)):
            self._versions.setdefault(words, Ranges()).add(shard)
