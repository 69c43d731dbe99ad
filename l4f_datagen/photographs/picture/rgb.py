"""Pictures of any mode → RGB of 8 bits."""

import functools

import numpy as np
from PIL import Image, ImageCms

from . import tiffs
from .broken import Broken

CANVAS = (255, 255, 255)
"""The colour behind transparent pixels: white."""
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_STRIP_PIXELS = 1 << 22
"""Pixels of a strip. Pictures are converted strip by strip, so that a large one is not in memory twice."""
TURNS = {
    2: lambda array: array[:, ::-1],
    3: lambda array: array[::-1, ::-1],
    4: lambda array: array[::-1],
    5: lambda array: array.swapaxes(0, 1),
    6: lambda array: np.rot90(array, -1),
    7: lambda array: array[::-1, ::-1].swapaxes(0, 1),
    8: lambda array: np.rot90(array),
}
"""EXIF's orientation of what is stored → how to turn it, H×W or H×W×C."""


def upright(array: np.ndarray, orientation: int | None) -> np.ndarray:
    """An array H×W or H×W×C as it is looked at, given EXIF's orientation of what is stored."""
    turn = None if orientation is None else TURNS.get(orientation)
    return array if turn is None else np.ascontiguousarray(turn(array))


def no_black_and_white(numbers: str) -> str:
    """What to say of a picture of numbers that nobody can show."""
    return f"a picture of {numbers}, whose black and white are not known; convert it to 8 or 16 bits"


def to_rgb(image: Image.Image, kind: str) -> tuple[np.ndarray, bool]:
    """A loaded picture as RGB uint8 H×W×3 as it is stored, and whether it had transparent pixels."""
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    if height <= rows:
        return _strip_to_rgb(image, kind)
    pixels, transparent = np.empty((height, width, 3), np.uint8), False
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        pixels[top : top + rows], seen = _strip_to_rgb(strip, kind, image)
        transparent |= seen
    return pixels, transparent


def _strip_to_rgb(strip: Image.Image, kind: str, image: Image.Image | None = None) -> tuple[np.ndarray, bool]:
    image = image or strip
    if image.mode in _SIXTEEN_BITS or (image.mode == "I" and kind == "png"):  # I: older Pillows
        return _grey_of_16_bits(strip, image)
    if image.mode in ("I", "F"):
        numbers = "32-bit integers" if image.mode == "I" else "floating-point numbers"
        raise Broken(no_black_and_white(numbers))
    if image.mode == "LAB":
        return np.asarray(ImageCms.applyTransform(strip, _lab_to_rgb())), False
    if not strip.has_transparency_data:
        return np.asarray(strip.convert("RGB")), False
    strip = strip if strip.mode == "RGBA" else strip.convert("RGBA")
    alpha = strip.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return np.asarray(strip.convert("RGB")), False
    canvas = Image.new("RGB", strip.size, CANVAS)
    canvas.paste(strip.convert("RGB"), mask=alpha)
    return np.asarray(canvas), True


def _grey_of_16_bits(strip: Image.Image, image: Image.Image) -> tuple[np.ndarray, bool]:
    values = np.asarray(strip)
    bits, inverted = tiffs.grey_scale(getattr(image, "tag_v2", {}))
    grey = (values >> (bits - 8)).astype(np.uint8)
    grey = 255 - grey if inverted else grey
    unseen = image.info.get("transparency")
    hidden = values == unseen if isinstance(unseen, int) else np.zeros((), bool)
    if hidden.any():
        grey = np.where(hidden, CANVAS[0], grey).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2), bool(hidden.any())


@functools.cache
def _lab_to_rgb() -> ImageCms.ImageCmsTransform:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
