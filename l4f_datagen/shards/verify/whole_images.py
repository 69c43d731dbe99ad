"""Image files are decoded strictly: what decoders forgive, such as a missing end, is an error here."""

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from ...mask_files import png as mask_png
from ...mask_files.png import WHITE
from ...mask_files.values import MaskValues
from ...masks import IGNORED
from ..format import encoding, sides

_JPEG_END = b"\xff\xd9"
# Entropy-coded bits that no image needs: a scan that lacks some decodes to another image with them than with
# the zeros that decoders make up.
_SURPLUS = b"\xfe" * 64


def decode_picture(content: bytes, image_format: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """A jpg, png or webp file as RGB uint8 H×W×3.

    Args:
        size: height and width that it has to have; told from the file's head, before a wrong one takes memory.

    Raises:
        ValueError: it is another kind of file, damaged or cut short.
    """
    sides.check_whole(content, image_format)
    if size is not None and (found := _size(content)) != size:
        raise ValueError(f"{found[0]}×{found[1]} pixels; expected {size[0]}×{size[1]}")
    if image_format != "jpg":
        return encoding.decode_image(content)
    # By Pillow: OpenCV's decoder would write on the terminal what it thinks of the surplus.
    image, longer = (_pillow(c) for c in (content, content[:-2] + _SURPLUS + _JPEG_END))
    if not np.array_equal(image, longer):
        raise ValueError("a JPEG whose image data ends before the image does")
    return image


def decode_alpha(content: bytes) -> np.ndarray:
    """An 8-bit grey PNG as uint8 H×W.

    Raises:
        ValueError: it is another kind of file, damaged or cut short.
    """
    sides.check_whole(content, "png")
    depth, colour = content[24:26]
    if (depth, colour) != (8, 0):
        raise ValueError(f"a PNG of {depth} bits and colour type {colour}, not 8-bit grey")
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 2:
        raise ValueError("a PNG that cannot be decoded")
    return image


def decode_cutout(content: bytes, size: tuple[int, int]) -> np.ndarray:
    """A PNG with transparency, of this height and width, as RGBA uint8 H×W×4.

    Raises:
        ValueError: it is another kind of file, damaged or cut short.
    """
    sides.check_whole(content, "png")
    sides.check(content, "it", size)
    return encoding.decode_cutout(content)


def decode_mask(content: bytes, values: MaskValues) -> np.ndarray:
    """A PNG of this kind as class indices, uint8 H×W.

    Raises:
        ValueError: it is another kind of file, damaged or cut short, or has other classes or colours.
    """
    if values == "palette":
        return _indexed_mask(content)
    grey = decode_alpha(content)
    _check_classes(grey, (0, WHITE) if values == "0255" else (0, 1, IGNORED))
    return (grey == WHITE).view(np.uint8) if values == "0255" else grey


def _indexed_mask(content: bytes) -> np.ndarray:
    sides.check_whole(content, "png")
    try:
        with Image.open(io.BytesIO(content)) as image:
            mode, mask, palette = image.mode, np.array(image), image.getpalette()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"a PNG that cannot be decoded ({error})") from error
    if mode != "P":
        raise ValueError(f"a PNG of mode {mode}, not an indexed one")
    _check_classes(mask, (0, 1, IGNORED))
    expected = mask_png.palette(with_ignored=IGNORED in mask)
    if palette is None or palette[: len(expected)] != expected:
        raise ValueError("other colours than black and white")
    return mask


def _check_classes(values: np.ndarray, expected: Sequence[int]) -> None:
    found = np.flatnonzero(np.bincount(values.ravel(), minlength=256)).tolist()
    if not set(found) <= set(expected):
        raise ValueError(
            f"classes {', '.join(map(str, found[:8]))}, not {', '.join(map(str, expected[:-1]))} and {expected[-1]}"
        )


def _size(content: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.height, image.width
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"an image that cannot be decoded ({error})") from error


def _pillow(content: bytes) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"an image that cannot be decoded ({error})") from error
