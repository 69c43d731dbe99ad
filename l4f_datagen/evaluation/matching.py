"""Masks of two sides that belong together."""

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import UserError
from ..samples.files import pairing
from ..samples.opening import Masks
from ..samples.sample import listed

_SHOWN = 5


def match(predictions: Masks, truth: Masks, *, allow_missing: bool) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Keys of the prediction and the truth that belong together, and notes on those that are left out.

    Raises:
        UserError: a mask has no partner and ``allow_missing`` is not set, or none has one.
    """
    partners = pairing.pairs(list(truth.keys), list(predictions.keys))
    common, taken = [(partners[key], key) for key in truth.keys if key in partners], set(partners.values())
    lacking = (
        (truth, [key for key in truth.keys if key not in partners], "prediction"),
        (predictions, [key for key in predictions.keys if key not in taken], "truth"),
    )
    problems = [
        f"{len(keys)} of {side.name} without a {partner} ({few(keys)})" for side, keys, partner in lacking if keys
    ]
    if problems and not (allow_missing and common):
        raise UserError(
            "masks", got=f"{len(common)} pairs and {', '.join(problems)}",
            expected="the same names in both" if common else "names that both have",
            remedy="add what is missing, or leave it out with --allow-missing" if common else "check both folders",
        )  # fmt: skip
    return common, tuple(f"Left out: {problem}." for problem in problems)


def few(names: Sequence[str]) -> str:
    """The first names, for a message."""
    return listed(names, _SHOWN)


def fit(mask: np.ndarray, like: np.ndarray, *, resize: bool, name: str) -> np.ndarray:
    """A mask at the size of what it is for, (H, W) like ``like``.

    Raises:
        UserError: it has another, and is not to be resized.
    """
    if mask.shape == like.shape:
        return mask
    if not resize:
        raise UserError(
            name, got=f"a mask of {mask.shape[1]}×{mask.shape[0]} pixels",
            expected=f"{like.shape[1]}×{like.shape[0]}", remedy="use --resize to scale such masks",
        )  # fmt: skip
    return cv2.resize(mask, like.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
