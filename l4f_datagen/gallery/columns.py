"""What the pages sort and filter by: the columns of numbers that the metadata of a data set happen to have."""

import math
from collections.abc import Mapping
from typing import TypedDict

from ..shards.format import schema

Number = bool | int | float
_NOT_COMPARED = ("shard", "index", "seed", "foreground_code", "background_code", "candidate")
"""Numbers that say which sample it is, not how it is."""
_MEANINGS = {column.name: column.meaning for column in (*schema.COLUMNS, schema.CLASS)}


class Described(TypedDict):
    """A column as the pages have it."""

    name: str
    meaning: str
    kind: str
    """truth (yes or no), whole (whole numbers) or number."""
    values: list[Number | None]
    """Of every sample; None where it has no such number."""


class Columns:
    """The numbers of samples, by the name of their column."""

    def __init__(self):
        self._samples = 0
        self._values: dict[str, list[Number | None]] = {}

    def add(self, metadata: Mapping[str, object]) -> None:
        """Take in the numbers of the next sample."""
        for name, value in metadata.items():
            if name in _NOT_COMPARED or not isinstance(value, (bool, int, float)):
                continue
            values = self._values.setdefault(name, [])
            values.extend([None] * (self._samples - len(values)))
            values.append(value if math.isfinite(value) else None)
        self._samples += 1

    def varying(self) -> list[Described]:
        """The columns whose numbers are not all the same: scores are among them."""
        return [
            Described(name=name, meaning=_MEANINGS.get(name, ""), kind=_kind(values), values=values)
            for name, values in self._whole().items()
            if len(set(values) - {None}) > 1
        ]

    def constant(self) -> dict[str, Number]:
        """The numbers that all samples have in common."""
        found = {name: set(values) for name, values in self._whole().items()}
        return {
            name: value for name, values in found.items() if len(values) == 1 and (value := values.pop()) is not None
        }

    def _whole(self) -> dict[str, list[Number | None]]:
        return {name: [*values, *[None] * (self._samples - len(values))] for name, values in self._values.items()}


def _kind(values: list[Number | None]) -> str:
    if all(isinstance(value, bool) for value in values if value is not None):
        return "truth"
    return "whole" if all(isinstance(value, int) for value in values if value is not None) else "number"
