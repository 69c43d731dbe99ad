"""One picture of a world, with the truth about it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """A picture with its exact mask. Arrays are uint8; RGB is size×size×3 in [0, 255]."""

    image: np.ndarray
    """size×size×3: the foreground before its background."""
    alpha: np.ndarray
    """size×size: round(255·share of the pixel that the foreground covers)."""
    background: np.ndarray
    """size×size×3: the same picture without its foreground, and without its foreground's shadows."""
    instances: int
    """Number of things in the foreground; each is seen, at least in part."""


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1], and beyond, which are cut → [0, 255]."""
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
