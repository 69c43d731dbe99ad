"""Numbers of shards, written as ranges for people."""

from collections.abc import Iterable


class Ranges:
    """Numbers that are added in order, as the ranges that ``--shard-range`` takes: 0:2, 5:6."""

    def __init__(self, numbers: Iterable[int] = ()):
        self._ranges: list[list[int]] = []
        for number in numbers:
            self.add(number)

    def add(self, number: int) -> None:
        """Add a number, which is greater than all before it."""
        if self._ranges and self._ranges[-1][1] == number:
            self._ranges[-1][1] = number + 1
        else:
            self._ranges.append([number, number + 1])

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def __str__(self) -> str:
        return ", ".join(f"{start}:{stop}" for start, stop in self._ranges)


def as_ranges(numbers: Iterable[int]) -> str:
    """Sorted numbers in words, as ``Ranges`` writes them."""
    return str(Ranges(numbers))
