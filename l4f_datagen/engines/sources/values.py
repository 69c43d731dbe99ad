"""Which pixel values of mask files are foreground."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import UserError

_IGNORED = 255
_COLOUR = 1 << 24
"""Colours that are not grey are numbered from here on by their red, green and blue."""
_MANY = 1000
"""More values than any set of classes has: more are not looked at."""


@dataclass(frozen=True)
class Meaning:
    """Values that are foreground and that are ignored; all others are background."""

    foreground: frozenset[int]
    ignored: frozenset[int]

    def mask(self, values: np.ndarray) -> np.ndarray:
        """Values → uint8 H×W: 0 background, 1 foreground, 255 ignored."""
        mask = np.isin(values, list(self.foreground)).astype(np.uint8)
        mask[np.isin(values, list(self.ignored))] = _IGNORED
        return mask

    def __str__(self) -> str:
        ignored = f", {_names(self.ignored)} ignored" if self.ignored else ""
        return f"mask value {_names(self.foreground)}{ignored}"


def read_values(path: Path) -> np.ndarray:
    """Pixel values of a mask file, int H×W.

    Greys and palette indices are what they are, black and white count as 0 and 1 where the file says
    no more (modes 1 and P), colours have numbers of their own.

    Raises:
        images.BROKEN: no image, or of a mode that is no mask.
    """
    with Image.open(path) as image:
        image.load()
        mode = image.mode
        if mode == "RGB":
            red, green, blue = np.moveaxis(np.asarray(image).astype(np.int32), -1, 0)
            grey = (red == green) & (green == blue)
            return np.where(grey, red, _COLOUR | red << 16 | green << 8 | blue)
        values = np.asarray(image)
        if mode == "P":
            return _unless_swapped(values, image.getpalette())
        if mode in ("1", "L", "I", "I;16"):
            return values.astype(np.int32)
    raise ValueError(f"mode {mode} is no mask")


def distinct(values: np.ndarray) -> set[int]:
    """The values that occur."""
    if values.size and values.min() >= 0 and values.max() < _COLOUR:
        return set(np.flatnonzero(np.bincount(values.ravel())).tolist())
    return set(np.unique(values).tolist())


class Found:
    """Values of all masks, gathered."""

    def __init__(self):
        self.values: set[int] = set()

    def add(self, values: np.ndarray) -> None:
        """Take in one mask."""
        if len(self.values) < _MANY:
            self.values |= distinct(values)

    def meaning(self, subject: str, given: Sequence[str] | None) -> Meaning:
        """What the values mean: as the user says, or as it must be.

        0 is background. With one more value that is foreground; with 255 besides, 255 is ignored.

        Raises:
            UserError: that is not clear, or what the user says does not occur.
        """
        others = self.values - {0}
        if given is not None:
            foreground = frozenset(map(parse, given))
            if absent := foreground - self.values:
                raise UserError(
                    "foreground-values", got=f"{_names(absent)}, which no mask holds",
                    expected=f"values that occur: {_names(self.values)}", remedy="change --foreground-values",
                )  # fmt: skip
            return Meaning(foreground, (others - foreground) & {_IGNORED})
        foreground = others - {_IGNORED} if len(others) > 1 else others
        if len(foreground) != 1 or not (0 in self.values or others == {1}):
            soft = ", or --alphas if these are soft masks" if len(others) > 50 else ""
            raise UserError(
                subject, got=f"masks that hold the values {_names(self.values)}",
                expected="0 and one more value, besides 255 for ignored pixels",
                remedy=f"say which are foreground with --foreground-values{soft}",
            )  # fmt: skip
        return Meaning(frozenset(foreground), frozenset(others - foreground))


def parse(text: str) -> int:
    """ "15" or "#ff0000" → a value.

    Raises:
        UserError: it is neither.
    """
    try:
        if text.startswith("#") and len(text) == 7:
            number = int(text[1:], 16)
            red, green, blue = number >> 16, number >> 8 & 255, number & 255
            return red if red == green == blue else _COLOUR | number
        if text.isdecimal():
            return int(text)
    except ValueError:
        pass
    raise UserError(
        "foreground-values", got=text, expected="numbers, or colours such as #ff0000", remedy="separate them by commas"
    )


def _names(values: Iterable[int]) -> str:
    ordered = sorted(values)
    shown = [f"#{v & 0xFFFFFF:06x}" if v >= _COLOUR else str(v) for v in ordered[:8]]
    return ", ".join(shown) + (f" and {len(ordered) - 8} more" if len(ordered) > 8 else "")


def _unless_swapped(values: np.ndarray, palette: list[int]) -> np.ndarray:
    """Indices, but 0 for black and 1 for white where a palette has no more: some programs sort theirs."""
    colours = np.array(palette).reshape(-1, 3)
    used = sorted(distinct(values))
    if used[-1] < len(colours) and {tuple(colours[index]) for index in used} <= {(0, 0, 0), (255, 255, 255)}:
        return (colours[:, 0] == 255).astype(np.int32)[values]
    return values.astype(np.int32)
