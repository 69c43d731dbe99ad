"""Sheets of differences: for each row of a result its best, median and worst samples, named, below a legend."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from ...sheet import keyed, picture_grid
from ..metrics import ranked
from ..tables import as_text
from .painting import LEGEND, Compared, paint, shades

EACH = 3
"""Samples of each group."""
BASELINE = "baseline"
"""The role of rows that nobody wants to see mistakes of."""
_LETTER = 7.5
"""Pixels of a letter of a sample's name, which has to fit above its picture."""
_PAPER = 255


class Look(Protocol):
    """Shows samples of a result again, mask beside truth."""

    def __call__(self, number: int, row: Mapping[str, Any], keys: Sequence[str]) -> list[Compared]:
        """The samples of these keys.

        Args:
            number: which row of the result, from 0.
            row: that row, as JSON has it.
        """
        ...


@dataclass(frozen=True)
class Chosen:
    """A sample of a sheet: why it is there, its name, and its mIoU (None: undefined)."""

    group: str
    key: str
    miou: float | None


def choose(per_image: Sequence[Mapping[str, Any]], each: int = EACH) -> list[Chosen]:
    """The best, median and worst samples by mIoU, at most ``each`` of a group and none of them twice.

    Args:
        per_image: ``key`` and measures of each image.
    """
    order = ranked(per_image)[::-1]
    each = min(each, -(-len(order) // 3))
    best, rest = order[:each], order[each:]
    worst, rest = rest[::-1][:each], rest[: max(0, len(rest) - each)]
    first = max(0, (len(rest) - each + 1) // 2)
    groups = {"best": best, "median": rest[first : first + each], "worst": worst}
    return [Chosen(group, one["key"], one["miou"]) for group, some in groups.items() for one in some]


def shown(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """The numbers of the rows that have a sheet: all but the baselines'."""
    return [number for number, row in enumerate(rows) if row.get("role") != BASELINE and row["per_image"]]


def block(number: int, row: Mapping[str, Any], look: Look, *, tile: int = 128) -> np.ndarray:
    """The sheet of one row, without legend: images, truth, masks and differences below one another, RGB uint8 H×W×3."""
    chosen = choose(row["per_image"])
    looked = look(number, row, [one.key for one in chosen])
    pictures: dict[str, list[np.ndarray]] = {}
    if images := [one.image for one in looked if one.image is not None]:
        pictures["image"] = images
    pictures[looked[0].told_by] = [shades(one.truth) for one in looked]
    pictures["mask"] = [shades(one.mask) for one in looked]
    pictures["differences"] = [paint(one) for one in looked]
    titles = [f"{one.group}\n{_name(one.key, tile)}\nmIoU {_value(one.miou)}" for one in chosen]
    return picture_grid(pictures, tile=tile, titles=titles)


def sheet(rows: Sequence[Mapping[str, Any]], look: Look, *, tile: int = 128) -> np.ndarray:
    """All rows of a result, each with its name, below a legend: RGB uint8 H×W×3.

    Raises:
        ValueError: there is no row to show.
    """
    numbers = shown(rows)
    blocks = [(title(rows[number]), block(number, rows[number], look, tile=tile)) for number in numbers]
    return framed([picture if len(blocks) == 1 else keyed({name: None}, picture) for name, picture in blocks])


def framed(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Blocks below one another and all of them below the legend."""
    found = list(blocks)
    width = max(picture.shape[1] for picture in found)
    padded = [
        cv2.copyMakeBorder(p, 0, 0, 0, width - p.shape[1], cv2.BORDER_CONSTANT, value=(_PAPER,) * 3) for p in found
    ]
    return keyed(LEGEND, np.concatenate(padded))


def title(row: Mapping[str, Any]) -> str:
    """What a row is of: its labels, and its pooled mIoU."""
    labels = [f"{name.replace('_', ' ')} {value}" for name, value in labels_of(row).items() if value != ""]
    return f"{', '.join(labels)}: mIoU {_value(row['miou'])} over {row['images']} images"


def labels_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a row before its number of images: what was measured."""
    names = list(row)
    return {name: row[name] for name in names[: names.index("images")] if name != "role"}


def listed(chosen: Sequence[Chosen]) -> str:
    """The names of a sheet's samples in words."""
    groups = dict.fromkeys(one.group for one in chosen)
    parts = (
        f"{group} {', '.join(f'{one.key} ({as_text(one.miou)})' for one in chosen if one.group == group)}"
        for group in groups
    )
    return "; ".join(parts)


def _name(key: str, tile: int) -> str:
    """A sample's name at a length that fits; of a long one its end."""
    most = max(4, int(tile / _LETTER))
    return key if len(key) <= most else f"...{key[3 - most :]}"


def _value(miou: float | None) -> str:
    return "undefined" if miou is None else as_text(miou)
