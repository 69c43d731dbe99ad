"""What only TIFF needs: numbers of many kinds, cameras' RAW files, and a library that writes to the terminal."""

import ctypes
import functools
import io
from collections.abc import Mapping

from PIL import TiffImagePlugin, _imaging

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _PLANES, _SAMPLE_FORMAT = 256, 257, 258, 262, 284, 339
_SUBFILE, _SUBIFDS, _DNG = 254, 330, 50706
_KINDS = {1: "whole numbers", 2: "signed numbers", 3: "floating-point numbers", 6: "complex numbers"}


@functools.cache
def quiet() -> None:
    """Keep libtiff from writing to the terminal what Pillow raises as an error anyway."""
    set_handler = getattr(ctypes.CDLL(_imaging.__file__), "TIFFSetErrorHandler", None)
    if set_handler is not None:
        set_handler.restype = ctypes.c_void_p
        set_handler(None)


def is_raw(tags: Mapping) -> bool:
    """Whether the first picture of a file is but the thumbnail of a camera's RAW data."""
    return _DNG in tags or (tags.get(_SUBFILE, 0) == 1 and _SUBIFDS in tags)


def is_signed(tags: Mapping) -> bool:
    """Whether its pixels may be negative; Pillow takes such numbers of 8 bits for others."""
    return 2 in tags.get(_SAMPLE_FORMAT, ())


def is_deep_by_planes(tags: Mapping) -> bool:
    """Whether it holds red, green and blue one after the other, in more than 8 bits, which Pillow reads wrongly."""
    bits = tags.get(_BITS, (1,))
    return tags.get(_PLANES) == 2 and len(bits) > 1 and max(bits) > 8


def stored_size(tags: Mapping) -> tuple[int, int]:
    """Width and height as they are stored; Pillow tells those of the upright picture."""
    return tags[_WIDTH], tags[_HEIGHT]


def grey_scale(tags: Mapping) -> tuple[int, bool]:
    """Bits of a pixel of more than 8, 16 where nothing is said; whether 0 is white, which Pillow heeds in 8 alone."""
    return (12 if tags.get(_BITS, (16,))[0] == 12 else 16), tags.get(_PHOTOMETRIC) == 0


def numbers(content: bytes) -> str | None:
    """What a TIFF's pixels are made of; None if its head does not say."""
    tags = TiffImagePlugin.ImageFileDirectory_v2(content[: 16 if content[2] == 43 or content[3] == 43 else 8])
    file = io.BytesIO(content)
    file.seek(tags.next)
    tags.load(file)
    bits, kind = tags.get(_BITS), tags.get(_SAMPLE_FORMAT, (1,))
    if not isinstance(bits, tuple) or not bits or tags.get(_WIDTH) is None:
        return None
    return f"{len(bits)} × {bits[0]} bits, {_KINDS.get(kind[0], 'numbers of an unknown kind')}"
