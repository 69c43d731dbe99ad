"""Parts of a set of labelled images that are worth figures of their own: by where the object lies, and by its size.

A mean over all images hides where masks are bad; objects that are cut by the image's border, and small ones, are where
they usually are. A true mask alone decides, so that all that is measured on the same images is split alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BORDER, INSIDE = "border", "inside"
"""Foreground reaches an outermost pixel of the image, or does not."""
SIZES = ("small", "medium", "large")
"""Terciles of the foreground's share of the pixels that are counted."""
NAMES = (BORDER, INSIDE, *SIZES)


@dataclass(frozen=True)
class Shape:
    """The properties of a true mask that decide which subsets its image belongs to."""

    touches: bool
    """Whether foreground reaches an outermost pixel."""
    area: float | None
    """Share of foreground among the pixels that are not ignored; None: there is no foreground."""


def shape_of(truth: np.ndarray) -> Shape:
    """The shape of the foreground in a true mask, uint8 H×W of 0, 1 and 255 (ignored)."""
    foreground = truth == 1
    if not foreground.any():
        return Shape(False, None)
    edges = (foreground[0], foreground[-1], foreground[:, 0], foreground[:, -1])
    return Shape(any(edge.any() for edge in edges), float(foreground.sum() / (truth <= 1).sum()))


def split(shapes: Sequence[Shape]) -> dict[str, list[int]]:
    """The images' numbers by subset, in the order of ``NAMES``; one without images is left out.

    Images without foreground belong to none. Equal areas are never torn apart, so terciles may be of unequal size, and
    with fewer than three different areas there are none.
    """
    parts: dict[str, list[int]] = {name: [] for name in NAMES}
    areas = [shape.area for shape in shapes if shape.area is not None]
    bounds = terciles(areas)
    for number, shape in enumerate(shapes):
        if shape.area is None:
            continue
        parts[BORDER if shape.touches else INSIDE].append(number)
        if bounds:
            parts[SIZES[sum(shape.area > bound for bound in bounds)]].append(number)
    return {name: numbers for name, numbers in parts.items() if numbers}


def terciles(areas: Sequence[float]) -> tuple[float, float] | None:
    """The largest area of the smallest third, and of the middle one; None with fewer than three different areas."""
    if len(set(areas)) < 3:
        return None
    ordered = sorted(areas)
    first, second = (ordered[-(-len(ordered) * third // 3) - 1] for third in (1, 2))
    return first, second


def explained(shapes: Sequence[Shape]) -> str | None:
    """A sentence on what the subsets are; None where there are none."""
    areas = [shape.area for shape in shapes if shape.area is not None]
    if not areas:
        return None
    text = "Subsets, by the truth: border, foreground reaches an outermost pixel; inside, it does not"
    if bounds := terciles(areas):
        low, high = (f"{bound:.1%}" for bound in bounds)
        text += f"; small, medium, large: foreground up to {low}, up to {high}, and above, of the pixels counted"
    without = len(shapes) - len(areas)
    return text + (f". {without} images without foreground are in none." if without else ".")
