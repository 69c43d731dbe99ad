"""A picture's file → pixels. Whatever people bring is opened here, and nowhere else."""

import contextlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin

from ...errors import UserError, WorkError
from . import kinds, limits, tiffs
from .broken import Broken
from .ends import check_end
from .rgb import TURNS, no_black_and_white, to_rgb, upright

__all__ = ["Broken", "Head", "Photograph", "decode", "head", "opened", "upright"]

_ORIENTATION = 0x0112
_DRAFT_FACTOR = 4
"""Where a reduced picture is enough, a JPEG may have this many times the limit of pixels."""

# Pillow tells of oddities that do no harm (EXIF cut short, larger than its own limit); its errors are told here.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a picture's head says."""

    format: str
    """jpg, png, webp, bmp, tif or gif, whatever the file is called."""
    mode: str
    """Pillow's name of the pixels' form, such as RGB."""
    size: tuple[int, int]
    """Width and height as it is looked at, upright."""
    stored: tuple[int, int]
    """Width and height as it is stored."""
    orientation: int
    """EXIF's orientation, 1 to 8: 1 is upright."""
    deep: bool
    """Its channels have more than 8 bits, of which the upper 8 are read; said of PNG."""
    several: bool
    """There are more pictures in the file, of which the first one is read."""
    signed: bool = False
    """Its pixels are numbers of 8 bits that may be negative."""

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
    """It had pixels that are not opaque, which were laid upon ``rgb.CANVAS``."""

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
        if head.signed:
            raise Broken(no_black_and_white("signed numbers"))
        pixels, transparent = to_rgb(image, head.format)
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


_HEAD = "l4f_datagen.head"


@contextlib.contextmanager
def _started(content: bytes | Path, name: str | None, least: int | None) -> Iterator[tuple[Image.Image, Head]]:
    """A picture that is not loaded, and its head; all that goes wrong becomes ``Broken``."""
    called = f"{name}: " if name else ""
    try:
        content = _read(content) if isinstance(content, os.PathLike) else content
        kind = kinds.kind_of(content)
        if kind is None:
            other = kinds.other_kind(content)
            advice = ": convert it" if other and kinds.is_picture(other) else ""
            raise Broken(f"{other}; expected {kinds.NAMES}{advice}" if other else "no image of a known kind")
        if kind == "webp":  # its decoder takes memory for the whole canvas at once
            _check_size(_webp_size(content), kind)
        if kind == "tif":
            tiffs.quiet()
        with _open(content, kind) as image:
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


def _open(content: bytes, kind: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=kinds.READ[kind])
    except Image.UnidentifiedImageError:
        if kind == "tif" and (numbers := tiffs.numbers(content)):
            raise Broken(f"a TIFF of {numbers}, which is not read; convert it to 8 or 16 bits") from None
        raise


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


def _head_of(image: Image.Image, kind: str, content: bytes) -> Head:
    stored, signed = image.size, False
    if kind != "jpg":  # of which a part may be enough
        _check_size(image.size, kind)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if tiffs.is_raw(image.tag_v2):
            raise Broken(f"a camera's RAW file; expected {kinds.NAMES}: convert it")
        if tiffs.is_deep_by_planes(image.tag_v2):
            raise Broken("a TIFF that holds more than 8 bits by planes, which is not read; convert it")
        signed = image.mode != "I" and tiffs.is_signed(image.tag_v2)
        stored = tiffs.stored_size(image.tag_v2)
    orientation = 1 if kind == "png" and not _may_hold_exif(content) else image.getexif().get(_ORIENTATION)
    orientation = orientation if orientation in TURNS else 1
    size = (stored[1], stored[0]) if orientation >= 5 else stored
    several = kind in ("png", "webp", "tif", "gif") and getattr(image, "is_animated", False)
    return Head(
        format=kind, mode=image.mode, size=size, stored=stored, orientation=orientation, several=bool(several),
        deep=kind == "png" and content[24] > 8, signed=signed,
    )  # fmt: skip


def _may_hold_exif(content: bytes) -> bool:
    """Whether a PNG has to be asked for its EXIF, for which Pillow decodes it all."""
    return any(word in content for word in (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp"))


def _limit(image: Image.Image, found: Head, least: int | None) -> None:
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
