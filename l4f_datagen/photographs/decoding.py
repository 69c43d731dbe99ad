"""A picture's file → pixels. Whatever people bring is opened here, and nowhere else."""

import contextlib
import ctypes
import functools
import io
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageFile, _imaging

from ..errors import UserError, WorkError
from . import kinds, limits
from .ends import check_end

CANVAS = (255, 255, 255)
"""What is seen through transparent pixels: white."""
_ORIENTATION, _BITS, _PHOTOMETRIC, _SUBFILE, _SUBIFDS, _DNG = 0x0112, 258, 262, 254, 330, 50706
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_STRIP_PIXELS = 1 << 22
"""Pictures are converted in strips of about as many pixels, so that large ones are not held twice."""
_DRAFT_FACTOR = 4
"""JPEGs of so many times the limit are read where a reduced picture is enough."""

# Pillow tells of oddities that do no harm (EXIF cut short, larger than its own limit); its errors are told here.
warnings.filterwarnings("ignore", module=r"PIL\.")


class Broken(ValueError):
    """A picture that cannot be read; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a picture's head says."""

    format: str
    """jpg, png, webp, bmp, tif or gif, whatever the file is called."""
    mode: str
    """Pillow's."""
    size: tuple[int, int]
    """Width and height as it is looked at, upright."""
    stored: tuple[int, int]
    """Width and height as it is stored."""
    orientation: int
    """EXIF's: 1 is upright."""
    several: bool
    """There are more pictures in the file, of which the first one is read."""

    @property
    def turned(self) -> bool:
        """Whether it is stored in another way than it is looked at."""
        return self.orientation != 1


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A picture as it is looked at."""

    image: np.ndarray
    """RGB uint8 H×W×3, upright."""
    head: Head
    transparent: bool = False
    """It had pixels that are not opaque, which were laid upon ``CANVAS``."""

    @property
    def format(self) -> str:
        """jpg, png, webp, bmp, tif or gif."""
        return self.head.format


def decode(content: bytes | Path, *, least: int | None = None) -> Photograph:
    """The photograph in a file.

    16 bits become 8 by their upper half; more frames or pages than one are left; transparency shows white.

    Args:
        content: the file's bytes, or its path.
        least: a shorter side of so many pixels is enough, so that a JPEG above the limit may be read reduced.

    Raises:
        Broken: it cannot be read.
    """
    with opened(content, least=least) as image:
        head = image.info[_HEAD]
        pixels, transparent = _to_rgb(image, head.format)
        orientation = image.getexif().get(_ORIENTATION)
    return Photograph(image=upright(pixels, orientation), head=head, transparent=transparent)


def head(content: bytes | Path) -> Head:
    """What the head of a picture's file says; no pixel is decoded.

    Raises:
        Broken: it is no picture, or one above the limits.
    """
    with _started(content, None, None) as (_, found):
        return found


@contextlib.contextmanager
def opened(content: bytes | Path, name: str | None = None, *, least: int | None = None) -> Iterator[Image.Image]:
    """A picture by Pillow, loaded, in the mode of its file and as it is stored; closed at the end.

    (A TIFF is turned upright by Pillow; ``getexif`` says what is left to do.)

    Args:
        content: the file's bytes, or its path.
        name: what errors call it.
        least: as for ``decode``.

    Raises:
        Broken: the decoder or what is done with the picture failed.
    """
    with _started(content, name, least) as (image, found):
        image.load()
        image.info[_HEAD] = found
        yield image


def upright(array: np.ndarray, orientation: int | None) -> np.ndarray:
    """An array H×W or H×W×C as it is looked at, given EXIF's orientation of what is stored."""
    turn = _TURNS.get(orientation)
    return array if turn is None else np.ascontiguousarray(turn(array))


_HEAD = "l4f_datagen.head"
_TURNS = {
    2: lambda array: array[:, ::-1],
    3: lambda array: array[::-1, ::-1],
    4: lambda array: array[::-1],
    5: lambda array: array.swapaxes(0, 1),
    6: lambda array: np.rot90(array, -1),
    7: lambda array: array[::-1, ::-1].swapaxes(0, 1),
    8: lambda array: np.rot90(array),
}


@contextlib.contextmanager
def _started(content: bytes | Path, name: str | None, least: int | None) -> Iterator[tuple[Image.Image, Head]]:
    """A picture that is not loaded, and its head; all that goes wrong becomes ``Broken``."""
    called = f"{name}: " if name else ""
    try:
        content = _read(content) if isinstance(content, os.PathLike) else content
        kind = kinds.kind_of(content)
        if kind is None:
            other = kinds.other_kind(content)
            raise Broken(f"{other}; expected {kinds.NAMES}: convert it" if other else "no image of a known kind")
        if kind == "webp":  # its decoder takes memory for the whole canvas at once
            _check_size(_webp_size(content), kind)
        if kind == "tif":
            _quiet_libtiff()
        with Image.open(io.BytesIO(content), formats=kinds.READ[kind]) as image:
            found = _head_of(image, kind, content)
            _limit(image, found, least)
            check_end(content, kind, found.stored)
            yield image, found
    except (Broken, UserError, WorkError) as error:
        if name and isinstance(error, Broken):
            raise Broken(called + str(error)) from error
        raise
    except Exception as error:  # decoders raise nearly everything: struct.error, TypeError, KeyError, MemoryError …
        raise Broken(called + _reason(error)) from error


def _read(path: Path) -> bytes:
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Broken("no regular file")
        if status.st_size > limits.max_bytes():
            raise Broken(
                f"a file of {status.st_size >> 20} MiB; expected at most {limits.max_bytes() >> 20}: {limits.remedy()}"
            )
        return file.read()


def _open_without_waiting(path: str, flags: int) -> int:
    """Pipes are opened at once, without a writer: they are refused, not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, Image.UnidentifiedImageError):
        return "a damaged head"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())[:200]
    return text if text and not isinstance(error, KeyError) else f"{type(error).__name__} {text}".rstrip()


def _head_of(image: ImageFile.ImageFile, kind: str, content: bytes) -> Head:
    stored = image.size
    if kind == "tif":
        tags = image.tag_v2
        if _DNG in tags or (tags.get(_SUBFILE, 0) == 1 and _SUBIFDS in tags):
            raise Broken(f"a camera's RAW file; expected {kinds.NAMES}: convert it")
        stored = tags[256], tags[257]
    orientation = 1 if kind == "png" and not _may_hold_exif(content) else image.getexif().get(_ORIENTATION)
    orientation = orientation if orientation in _TURNS else 1
    size = stored[::-1] if orientation >= 5 else stored
    several = kind in ("png", "webp", "tif", "gif") and getattr(image, "is_animated", False)
    return Head(format=kind, mode=image.mode, size=size, stored=stored, orientation=orientation, several=bool(several))


def _may_hold_exif(content: bytes) -> bool:
    """Whether a PNG has to be asked for its EXIF, for which Pillow decodes it all."""
    return any(word in content for word in (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp"))


def _limit(image: ImageFile.ImageFile, found: Head, least: int | None) -> None:
    width, height = image.size
    if min(width, height) < 1:
        raise Broken("a picture without pixels")
    if (
        found.format == "jpg"
        and least is not None
        and limits.max_pixels() < width * height <= _DRAFT_FACTOR * limits.max_pixels()
        and not image.info.get("progressive")
    ):
        ratio = max(1, min(width, height) // least)
        image.draft(None, (width // ratio, height // ratio))
    _check_size(image.size, found.format)


def _check_size(size: tuple[int, int], kind: str) -> None:
    limit = limits.max_pixels() // (2 if kind == "webp" else 1)  # libwebp holds the picture several times
    if size[0] * size[1] > limit:
        raise Broken(f"{size[0]}×{size[1]} pixels; expected at most {limit}: {limits.remedy()}")


def _webp_size(content: bytes) -> tuple[int, int]:
    chunk = content[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(content[26:28], "little") & 0x3FFF, int.from_bytes(content[28:30], "little") & 0x3FFF


@functools.cache
def _quiet_libtiff() -> None:
    """libtiff would write on the terminal what Pillow raises as an error too."""
    set_handler = getattr(ctypes.CDLL(_imaging.__file__), "TIFFSetErrorHandler", None)
    if set_handler is not None:
        set_handler.restype = ctypes.c_void_p
        set_handler(None)


def _to_rgb(image: Image.Image, kind: str) -> tuple[np.ndarray, bool]:
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
        raise Broken(f"a picture of {numbers}, whose black and white are not known; convert it to 8 or 16 bits")
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
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS, (16,))[0]
    grey = (values >> (12 - 8 if bits == 12 else 8)).astype(np.uint8)
    if tags.get(_PHOTOMETRIC) == 0:  # white is 0, which Pillow heeds in 8 bits only
        grey = 255 - grey
    unseen = image.info.get("transparency")
    hidden = values == unseen if isinstance(unseen, int) else np.zeros((), bool)
    if hidden.any():
        grey = np.where(hidden, CANVAS[0], grey).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2), bool(hidden.any())


@functools.cache
def _lab_to_rgb() -> ImageCms.ImageCmsTransform:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
