"""What annotators made of masks that were handed to them: the masks that came back against those that were sent."""

import heapq
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import UserError
from ..masks import IGNORED
from ..overlap import ordered_map
from ..samples.sample import Samples

_READERS, _AHEAD = 2, 8
_WORST = 5
"""Masks that are named, those that were changed most."""
_INDEX = re.compile(r"[0-9]{9}")


@dataclass(frozen=True)
class Corrections:
    """Keys of the samples by what became of their masks."""

    unchanged: tuple[str, ...]
    """The foreground is the same, pixel by pixel."""
    changed: tuple[str, ...]
    deleted: tuple[str, ...]
    """Foreground was sent, and none came back."""
    added: tuple[str, ...]
    """No foreground was sent, and some came back."""
    not_returned: tuple[str, ...]
    """Sent, and not among what came back."""
    not_sent: tuple[str, ...]
    """Came back, and was never sent."""
    ious: Mapping[str, float]
    """Overlap of the foreground that was sent and the one that came back, divided by their union, of every mask that
    has any in either; by key."""

    @property
    def mean_iou(self) -> float | None:
        """The mean of these; None where no mask has any foreground."""
        return float(np.mean(list(self.ious.values()))) if self.ious else None

    @property
    def _otherwise(self) -> list[tuple[str, float]]:
        return [(key, iou) for key, iou in self.ious.items() if iou < 1]

    @cached_property
    def worst(self) -> list[tuple[str, float]]:
        """Masks that came back otherwise, with their IoU, the least first."""
        return heapq.nsmallest(
            _WORST, ((k, v) for k, v in self.ious.items() if v < 1), key=lambda one: (one[1], one[0])
        )

    def lines(self) -> list[str]:
        """All this in words."""
        counts = ", ".join(f"{len(getattr(self, name))} {name}" for name in _FATES)
        mean = "" if self.mean_iou is None else f"; mean IoU of sent and returned {self.mean_iou:.4f}"
        lines = [f"corrections: {counts}{mean}"]
        if self.worst:
            lines.append("changed most: " + ", ".join(f"{key} ({iou:.3f})" for key, iou in self.worst))
        for name in ("not_returned", "not_sent"):
            if keys := getattr(self, name):
                more = ", …" if len(keys) > _WORST else ""
                lines.append(f"{name.replace('_', ' ')}: {len(keys)} ({', '.join(keys[:_WORST])}{more})")
        return lines

    def values(self) -> dict[str, Any]:
        """All this as JSON."""
        keys = {name: list(getattr(self, name)) for name in (*_FATES, "not_returned", "not_sent")}
        return {"mean_iou": self.mean_iou, "worst": [{"key": key, "iou": iou} for key, iou in self.worst], **keys}


_FATES = ("unchanged", "changed", "deleted", "added")


def corrections(sent: Samples, returned: Samples) -> Corrections:
    """Compare masks by their keys; pixels that are ignored in either count for nothing.

    Raises:
        UserError: none of them was sent, two have the same key, or one has another size than it had.
    """
    numbers = _by_key(sent)
    back = _by_key(returned)
    common = [key for key in back if key in numbers]
    if not common:
        raise UserError(
            "sent", got=f"{sent.name}, which has no sample of the names of {returned.name} ({next(iter(back))}, say)",
            expected="the data set that was handed over", remedy="check the path",
        )  # fmt: skip
    fates: dict[str, list[str]] = {name: [] for name in _FATES}
    ious: dict[str, float] = {}

    def pair(key: str) -> tuple[str, np.ndarray, np.ndarray]:
        return key, sent.mask(numbers[key]), returned.mask(back[key])

    for key, before, after in ordered_map(pair, common, workers=_READERS, ahead=_AHEAD):
        if before.shape != after.shape:
            raise UserError(
                f"mask {key}", got=f"{after.shape[1]}×{after.shape[0]} pixels",
                expected=f"{before.shape[1]}×{before.shape[0]}, as it was sent", remedy="check --sent",
            )  # fmt: skip
        known = (before != IGNORED) & (after != IGNORED)
        old, new = (before == 1) & known, (after == 1) & known
        union, both = int((old | new).sum()), int((old & new).sum())
        if union:
            ious[key] = both / union
        fates[_fate(old.any(), new.any(), same=both == union)].append(key)
    return Corrections(
        **{name: tuple(keys) for name, keys in fates.items()},
        not_returned=tuple(key for key in numbers if key not in back),
        not_sent=tuple(key for key in back if key not in numbers),
        ious=ious,
    )


def _fate(was: bool, came: bool, *, same: bool) -> str:
    if same:
        return "unchanged"
    return "changed" if was and came else "deleted" if was else "added"


def _by_key(samples: Samples) -> dict[str, int]:
    """Key → number: nine digits where a name has them, whatever folders or words stand around them."""
    found: dict[str, int] = {}
    for number, name in enumerate(samples.keys):
        last = name.rpartition("/")[2]
        digits = _INDEX.findall(last)
        key = digits[0] if len(digits) == 1 else last
        if key in found:
            raise UserError(
                samples.name, got=f"two samples of the key {key}", expected="one of each key", remedy="mend the names"
            )
        found[key] = number
    return found
