"""What stands behind the foreground: images completed where something was cut out of them."""

from typing import Protocol

import cv2
import numpy as np

from ..errors import UserError
from ..short import short

RADIUS = 3
"""Pixels around a hole's that OpenCV's ways look at."""
_WAYS = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}


class Inpainter(Protocol):
    """Completes an image where it has a hole."""

    def __call__(self, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """RGB uint8 H×W×3 and a mask H×W of type bool, True where the image is to be made up → RGB uint8 H×W×3."""
        ...


def opencv(way: str) -> Inpainter:
    """OpenCV's inpainting: "telea" (Telea 2004) or "ns" (Navier–Stokes, Bertalmio et al. 2001)."""

    def inpaint(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return cv2.inpaint(image, hole.astype(np.uint8), RADIUS, _WAYS[way])

    return inpaint


def completed(image: np.ndarray, hole: np.ndarray, inpainter: Inpainter) -> np.ndarray:
    """The image with its hole filled; all pixels outside of it are the image's, whatever the inpainter did to them.

    Raises:
        UserError: the inpainter gave something else than an image of this size.
    """
    if not hole.any():
        return image.copy()
    answer = inpainter(image.copy(), hole.copy())
    if not isinstance(answer, np.ndarray) or answer.shape != image.shape or answer.dtype != np.uint8:
        kind = f" of {answer.dtype}" if isinstance(answer, np.ndarray) else ""
        raise UserError(
            "the inpainter", got=f"{short(answer, 60)}{kind} for an image of shape {image.shape}",
            expected="an image of the same shape, uint8", remedy="let it return one",
        )  # fmt: skip
    return np.where(hole[..., None], answer, image)
