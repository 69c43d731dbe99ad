"""Values of mask files, as users write them, and classes of them: foreground, background, ignored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import UserError
from ...masks import IGNORED
from .file import COLOUR, changes, strips


@dataclass(frozen=True)
class Classes:
    """Values that are foreground and that are ignored; all others are background."""

    foreground: frozenset[int]
    ignored: frozenset[int] = frozenset()

    def mask(self, values: np.ndarray) -> np.ndarray:
        """Values → uint8 H×W: 0 background, 1 foreground, 255 ignored."""
        mask = np.isin(values, list(self.foreground)).astype(np.uint8)
        mask[np.isin(values, list(self.ignored))] = IGNORED
        return mask

    def __str__(self) -> str:
        ignored = f", {named(self.ignored)} ignored" if self.ignored else ""
        return f"mask value {named(self.foreground)}{ignored}"


def distinct(values: np.ndarray) -> set[int]:
    """The values that occur."""
    found: set[int] = set()
    for strip in strips(values):
        if strip.dtype == np.uint8:
            found.update(np.flatnonzero(np.bincount(strip.ravel(), minlength=256)).tolist())
        else:
            found.update(np.unique(changes(strip)).tolist())
    return found


def parse(text: str, flag: str = "--foreground-values") -> int:
    """ "15" or "#ff0000" → a value.

    Raises:
        UserError: it is neither.
    """
    try:
        if text.startswith("#") and len(text) == 7:
            number = int(text[1:], 16)
            red, green, blue = number >> 16, number >> 8 & 255, number & 255
            return red if red == green == blue else COLOUR | number
        if text.isdecimal() and len(text) < 10:
            return int(text)
    except ValueError:
        pass
    raise UserError(
        flag.lstrip("-"), got=text, expected="numbers, or colours such as #ff0000", remedy="separate them by commas"
    )


def named(values: Iterable[int], shown: int = 8) -> str:
    """Values as a user would write them, the first ones."""
    ordered: Sequence[int] = sorted(values)
    names = [f"#{v & 0xFFFFFF:06x}" if v >= COLOUR else str(v) for v in ordered[:shown]]
    return ", ".join(names) + (f" and {len(ordered) - shown} more" if len(ordered) > shown else "")
