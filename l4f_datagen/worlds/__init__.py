"""Procedural image classes with exact masks: something to try everything on without any data.

Picture ``index`` of a world depends on (seed, index, size) only. A world is a file or a folder beside this one, with a
function ``render``, and a name in ``NAMES``, or a module of another package. It is imported when it is first asked for.
"""

from importlib import import_module
from typing import Literal

from ..errors import UserError
from ..kinds import added, loaded
from .kept import once
from .rendering import Rendering

NAMES = ("vessels", "garden")
"""The names of our worlds: that of a file or a folder here."""
LICENCE = "Apache-2.0"
"""The licence of all renderings: that of this project, which draws them."""

Split = Literal["train", "test"]
INDICES = 2**32
"""Pictures of one seed."""
FIRST_TEST_INDEX = 2**24
"""Training pictures come before it, test pictures from here on."""


def render(name: str, *, seed: int, index: int, size: int) -> Rendering:
    """Draw picture ``index`` of a world; within ``kept.keeping`` it is drawn once.

    Args:
        seed: any integer ≥ 0.
        index: 0 ≤ index < 2³²; ``split`` tells which are for training and which for testing.
        size: height and width in pixels, ≥ 1.

    Raises:
        UserError: there is no such world.
        ValueError: a number is out of its range.
    """
    if seed < 0 or not 0 <= index < INDICES or size < 1:
        raise ValueError(f"seed {seed}, index {index}, size {size}; expected seed ≥ 0, 0 ≤ index < 2**32, size ≥ 1")
    ours = check_name(name) in NAMES
    world = import_module(f".{name}", __name__) if ours else loaded(added("worlds")[name])
    return once((name, seed, index, size), lambda: world.render(seed=seed, index=index, size=size))


def check_name(name: str) -> str:
    """``name``, if there is such a world.

    Raises:
        UserError: there is none; names those there are.
    """
    names = dict.fromkeys((*NAMES, *added("worlds")))
    if name not in names:
        raise UserError("world", got=name, expected=f"one of: {', '.join(names)}", remedy="check the name")
    return name


def split(name: Split, n: int) -> range:
    """Indices of the first ``n`` pictures of a split. No index is in both splits.

    Raises:
        UserError: the split does not exist or has fewer than ``n`` pictures.
    """
    indices = {"train": range(FIRST_TEST_INDEX), "test": range(FIRST_TEST_INDEX, INDICES)}
    if name not in indices:
        raise UserError("split", got=name, expected=f"one of: {', '.join(indices)}", remedy="check the name")
    if not 0 <= n <= len(indices[name]):
        raise UserError(
            "n",
            got=n,
            expected=f"at most the {len(indices[name])} pictures of the {name} split",
            remedy="take fewer, or render more with another seed",
        )
    return indices[name][:n]
