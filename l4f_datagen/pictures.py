"""Image files of people: which they are, and what is in them."""

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

EXTENSIONS = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff")


def decode(content: bytes) -> np.ndarray:
    """An encoded image as RGB uint8 H×W×3, turned as its EXIF says.

    Raises:
        OSError, ValueError: it is broken or cut short.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except UnidentifiedImageError as error:
        raise ValueError("no image of a known kind") from error
    except (SyntaxError, Image.DecompressionBombError) as error:  # what Pillow raises for broken PNGs, and for bombs
        raise ValueError(str(error)) from error
