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
    """size×size×3: the same picture without its foreground."""
