"""Image files of any kind → RGB pixels, as they are looked at."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from ...errors import UserError

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"))
BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for files that it cannot read."""
_FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"
_ORIENTATION, _UPRIGHT = 0x0112, (None, 1)
_MODES = ("RGB", "L", "P", "1", "RGBA", "LA", "CMYK")


def size(path: Path) -> tuple[int, int]:
    """Width and height of an image when it is looked at, from its head.

    Raises:
        BROKEN: it is none.
    """
    with Image.open(path) as image:
        width, height = image.size
        return (height, width) if (image.getexif().get(_ORIENTATION) or 1) >= 5 else (width, height)


def read(path: Path) -> tuple[np.ndarray, str, bytes | None]:
    """RGB uint8 H×W×3; the file's format, jpg, png, webp or ""; its bytes where they are no more and no less than that.

    Raises:
        UserError: it cannot be read.
    """
    try:
        content = path.read_bytes()
        with Image.open(path) as image:
            image.load()
            if image.mode not in _MODES:
                raise ValueError(f"mode {image.mode} is no picture of 8 bits")
            upright = image.getexif().get(_ORIENTATION) in _UPRIGHT
            same = upright and image.mode == "RGB" and getattr(image, "n_frames", 1) == 1 and _ends_well(content)
            pixels = np.array(ImageOps.exif_transpose(image).convert("RGB"))
            return pixels, _FORMATS.get(image.format, ""), content if same else None
    except BROKEN as error:
        raise broken(path, error) from error


def _ends_well(content: bytes) -> bool:
    """Whether a file ends with its image: some cameras go on with something of their own."""
    if content[:4] == b"RIFF":
        return len(content) == 8 + int.from_bytes(content[4:8], "little")
    return content.endswith((_JPEG_END, _PNG_END))


def broken(path: Path, error: Exception) -> UserError:
    """What to tell of a file that cannot be read."""
    return UserError(
        str(path), got=f"a file that cannot be read ({error})", expected="an image", remedy="mend or remove it"
    )


def shrink_and_crop(array: np.ndarray, size: int, *, nearest: bool = False) -> np.ndarray:
    """The shorter side → ``size``, then the middle ``size`` × ``size`` of it; uint8 H×W or H×W×3."""
    height, width = array.shape[:2]
    scale = size / min(height, width)
    way = cv2.INTER_NEAREST_EXACT if nearest else cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shape = max(size, round(width * scale)), max(size, round(height * scale))
    array = cv2.resize(array, shape, interpolation=way)
    top, left = ((length - size) // 2 for length in array.shape[:2])
    return np.ascontiguousarray(array[top : top + size, left : left + size])
