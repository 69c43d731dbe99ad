"""Class indices ↔ PNG files, in each of the kinds of ``mask_values``."""

import io
import math
import struct
import zlib
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from ..errors import UserError
from ..masks import IGNORED
from .values import MaskValues

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIDES, _DEPTH_AND_COLOUR = slice(16, 24), slice(24, 26)
_GREY, _INDEXED = 0, 3
"""PNG's colour types."""
_EIGHT_BITS_GREY = bytes((8, _GREY))
# The palette of a mask without ignored pixels, and where it stands: after signature and header.
_PALETTE, _TWO_COLOURS = slice(33, 47), b"\0\0\0\x06PLTE\0\0\0\xff\xff\xff"
WHITE = 255
"""The grey of foreground where it is to be seen."""
_SHOWN_IGNORED = 128
"""The grey of ignored pixels in a palette."""
_FEW_PIXELS = 100 * 100
"""Up to here OpenCV decodes indexed masks quicker than Pillow, which takes long to begin and less per pixel."""
_FASTEST = 1
"""zlib's level. Higher ones take four times as long and save a third of the few bytes that a mask has."""


def encode(mask: np.ndarray, values: MaskValues) -> bytes:
    """Class indices, uint8 H×W, → a PNG.

    Grey files have 8 bits per pixel: decoders scale greys of fewer bits to 0…255, and a 1 would become 255. They are
    written here, like indexed files of two classes, since Pillow takes six times as long.

    Raises:
        UserError: 0255 for a mask with ignored pixels, which would be foreground.
    """
    if values == "palette":
        return _indexed(mask)
    return _png(mask, depth=8, colour=_GREY) if values == "01" else _png(_white(mask), depth=8, colour=_GREY)


def decode(content: bytes, values: MaskValues) -> np.ndarray:
    """A PNG that ``encode`` gave → class indices, uint8 H×W.

    Raises:
        ValueError, OSError: it cannot be decoded.
    """
    if content[_DEPTH_AND_COLOUR] == _EIGHT_BITS_GREY:
        grey = _by_opencv(content, cv2.IMREAD_UNCHANGED)
        return (grey == WHITE).view(np.uint8) if values == "0255" else grey
    few = len(content) > _SIDES.stop and math.prod(struct.unpack(">II", content[_SIDES])) <= _FEW_PIXELS
    if few and content[_PALETTE] == _TWO_COLOURS:  # as nearly all indexed ones are: OpenCV sees black and white
        return _by_opencv(content, cv2.IMREAD_GRAYSCALE) >> 7
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image)


def palette(*, with_ignored: bool) -> list[int]:
    """Red, green and blue of the classes of an indexed mask, one after the other."""
    colours = [0, 0, 0, 255, 255, 255]
    return colours + [0] * 3 * 253 + [_SHOWN_IGNORED] * 3 if with_ignored else colours


def coloured(indices: np.ndarray, colours: Sequence[int]) -> bytes:
    """Indices, uint8 H×W, → an indexed PNG with this palette, red, green and blue of each index."""
    image = Image.fromarray(indices)
    image.putpalette(colours)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_FASTEST)
    return buffer.getvalue()


def _indexed(mask: np.ndarray) -> bytes:
    """Shown black and white, and grey where pixels are ignored; without such, one bit per pixel."""
    if mask.max() <= 1:
        return _png(np.packbits(mask, axis=1), depth=1, colour=_INDEXED, width=mask.shape[1])
    return coloured(mask, palette(with_ignored=bool((mask == IGNORED).any())))


def _white(mask: np.ndarray) -> np.ndarray:
    if mask.max() > 1:
        raise UserError(
            "mask-values", got="0255 for a mask with ignored pixels, which are 255 themselves",
            expected="masks of background and foreground only", remedy="choose --mask-values 01 or palette",
        )  # fmt: skip
    return mask * np.uint8(WHITE)


def _png(rows: np.ndarray, *, depth: int, colour: int, width: int | None = None) -> bytes:
    """Rows of packed pixels, uint8, → a PNG."""
    filtered = np.zeros((len(rows), 1 + rows.shape[1]), np.uint8)  # each row's filter stands before it: none
    filtered[:, 1:] = rows
    width = rows.shape[1] if width is None else width
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0))]  # not interlaced
    if colour == _INDEXED:
        chunks.append((b"PLTE", bytes(palette(with_ignored=False))))
    chunks += [(b"IDAT", zlib.compress(filtered.data, _FASTEST)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG: length, name, content, checksum of both."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _by_opencv(content: bytes, flags: int) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if image is None:
        raise ValueError("an image cannot be decoded")
    return image
