"""What is written of one image: its mask, and what else the settings ask for."""

import cv2
import numpy as np

from ..generation.cutouts import cut_out_array
from ..mask_files import png as mask_png
from ..settings import SegmentSettings
from ..shards.format import encoding

_TINT, _TINT_SHARE, _OUTLINE = (255, 0, 120), 0.4, (255, 255, 255)
_OVERLAY_QUALITY = 92


def kinds_of(settings: SegmentSettings) -> list[str]:
    """What follows KEY in the names of an image's results."""
    asked = {
        "alpha.png": settings.alpha,
        "cutout.png": settings.cutout,
        "overlay.jpg": settings.overlay,
        "classes.png": settings.classes,
    }
    return ["png", *(kind for kind, wanted in asked.items() if wanted)]


def encoded(
    settings: SegmentSettings, image: np.ndarray, mask: np.ndarray, alpha: np.ndarray, classes: np.ndarray
) -> dict[str, bytes]:
    """Encoded results by extension."""
    contents = {"png": mask_png.encode(mask, settings.mask_values)}
    if settings.alpha:
        contents["alpha.png"] = encoding.encode_grey(alpha)
    if settings.cutout:
        contents["cutout.png"] = encoding.encode_cutout(cut_out_array(image, alpha))
    if settings.overlay:
        contents["overlay.jpg"] = encoding.encode_image(overlay(image, mask), "jpg", _OVERLAY_QUALITY)
    if settings.classes:
        contents["classes.png"] = encoding.encode_grey(classes)
    return contents


def overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with its foreground tinted and outlined: RGB uint8 H×W×3."""
    inside = mask == 1
    tinted = image.copy()
    tinted[inside] = np.round((1 - _TINT_SHARE) * image[inside] + _TINT_SHARE * np.array(_TINT)).astype(np.uint8)
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(min(mask.shape) / 300))
    return cv2.drawContours(tinted, contours, -1, _OUTLINE, thickness)
