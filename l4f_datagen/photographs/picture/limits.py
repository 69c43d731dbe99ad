"""How large a picture may be: from its head, before anything is decoded."""

import os

from PIL import Image

from ...errors import UserError

VARIABLE = "L4F_MAX_PIXELS"
"""Environment variable that sets another limit."""
MAX_PIXELS = 100_000_000
"""10 000 × 10 000: decoded, such a picture takes 0.7 GB."""
_BYTES_A_PIXEL = 4
"""Files of more bytes are not read: as many hold the largest picture uncompressed."""


def max_pixels() -> int:
    """Pixels of the largest picture that is decoded.

    Raises:
        UserError: the environment variable is no such number.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return MAX_PIXELS
    text = named.strip().replace("_", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 12 and int(text) > 0):
        raise UserError(
            VARIABLE, got=named[:40], expected="a number of pixels, 200000000 say",
            remedy="change the environment variable or remove it",
        )  # fmt: skip
    limit = int(text)
    # Pillow has a limit of its own, twice this number, which would come first.
    if Image.MAX_IMAGE_PIXELS is not None and limit > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit
    return limit


def max_bytes() -> int:
    """Bytes of the largest file that is read."""
    return _BYTES_A_PIXEL * max_pixels()


def remedy() -> str:
    """What a user with larger pictures may do; ends a message about one."""
    return f"make it smaller, or allow more with the environment variable {VARIABLE}"
