"""A mask's file → the values that its pixels hold: pictures of every mode, and NumPy's arrays."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ...documents import bounds, from_npy
from ...photographs.picture import limits
from ...photographs.picture.decoding import Broken, opened, upright
from ...photographs.picture.tiffs import grey_scale

COLOUR = 1 << 24
"""Colours that are not grey are numbered from here on by their red, green and blue."""
ARRAY = ".npy"
_ORIENTATION = 0x0112
_GREY_SPREAD, _FEW = 8, 16
"""The channels of a compressed grey picture differ by no more than this; a picture of so few colours is not taken for
grey."""
_STRAY_SHARE = 0.01
"""The share of pixels that a drawing program may leave transparent; with more, the transparency is a mask."""
_LOSSY = ("JPEG", "WEBP")
_BLACK_AND_WHITE = [(0, 0, 0), (255, 255, 255)]
_ARRAY_BYTES = 1 << 27
_STRIP_PIXELS = 1 << 20

Kind = Literal["bits", "index", "grey"]


@dataclass(frozen=True, kw_only=True)
class MaskFile:
    """What a mask's file holds, upright."""

    values: np.ndarray
    """Whole numbers H×W: greys, indices, or 1 where a bit is set; colours have numbers from ``COLOUR`` on."""
    kind: Kind
    """bits: black and white and nothing else; index: classes, whatever they look like; grey: greys and colours."""
    lossy: bool = False
    """Compression may have changed values a little."""
    wide: bool = False
    """They have more than 8 bits: white may be 65535."""
    shares: bool = False
    """They were fractions from 0 to 1, as soft masks are; 255 is 1."""
    transparency: np.ndarray | None = None
    """uint8 H×W, 255 = opaque, of a file with an alpha channel."""

    @property
    def cut_out(self) -> bool:
        """Whether its transparency is a mask: more pixels are transparent than by chance."""
        return self.transparency is not None and bool((self.transparency != 255).mean() > _STRAY_SHARE)

    def by_transparency(self) -> "MaskFile":
        """The mask that the transparency is."""
        if self.transparency is None:
            return self
        return MaskFile(values=self.transparency, kind="grey")

    def soft(self, *, deep: bool | None = None) -> np.ndarray:
        """The values as a soft mask, uint8 H×W; ``deep``: white is 65535, not 255; None: if some are above 255.

        Raises:
            Broken: they are none.
        """
        if self.transparency is not None and self.cut_out:
            return self.transparency
        if self.kind == "bits":
            return 255 * self.values.astype(np.uint8)
        most = int(self.values.max(initial=0))
        if self.kind == "index" or most >= 1 << 16 or self.values.min(initial=0) < 0:
            raise Broken("no soft mask, but classes or colours")
        deep = most > 255 if deep is None else deep
        return (self.values >> 8 if deep and self.wide else self.values).astype(np.uint8)


def read_mask_file(content: bytes | Path, *, named: str | None = None) -> MaskFile:
    """The values of a mask's file.

    Args:
        content: the file's bytes, or its path.
        named: what errors call it.

    Raises:
        Broken: it cannot be read, or holds no mask.
    """
    if isinstance(content, Path):
        if content.suffix.lower() == ARRAY:
            return _of_array(_read_array(_bytes(content)))
    elif content.startswith(from_npy.START):
        return _of_array(_read_array(content))
    with opened(content, named) as image:
        found = _of_picture(image)
        return _turned(found, image.getexif().get(_ORIENTATION))


def _turned(found: MaskFile, orientation: int | None) -> MaskFile:
    if orientation in (None, 1):
        return found
    turned = None if found.transparency is None else upright(found.transparency, orientation)
    return replace(found, values=upright(found.values, orientation), transparency=turned)


def _of_picture(image: Image.Image) -> MaskFile:
    mode, values = image.mode, np.asarray(image)
    if mode == "1":
        return MaskFile(values=values.astype(np.uint8), kind="bits")
    if mode == "P":
        return _of_palette(image, values)
    lossy = image.format in _LOSSY
    if mode in ("RGB", "RGBA"):
        greys, transparency = _grey_or_colours(values[..., :3], lossy), values[..., 3] if mode == "RGBA" else None
        return MaskFile(values=greys, kind="grey", lossy=lossy, transparency=transparency)
    if mode == "LA":
        return MaskFile(values=values[..., 0], kind="grey", transparency=values[..., 1])
    if mode == "F":
        return _of_array(values)
    if mode.startswith("I;16"):
        bits, inverted = grey_scale(getattr(image, "tag_v2", {}))
        values = (1 << bits) - 1 - values if inverted else values
    if mode in ("L", "I") or mode.startswith("I;16"):
        return _of_integers(values, lossy=lossy)
    raise Broken(f"a picture of mode {mode}, which is no mask")


def _of_integers(values: np.ndarray, *, lossy: bool = False) -> MaskFile:
    if values.size and (values.min() < -(2**31) or values.max() >= COLOUR):
        raise Broken(f"numbers up to {values.max()}, which are no mask")
    if values.dtype not in (np.uint8, np.uint16):
        values = values.astype(np.int32)
    return MaskFile(values=values, kind="grey", lossy=lossy, wide=values.dtype != np.uint8)


def _of_palette(image: Image.Image, values: np.ndarray) -> MaskFile:
    colours = [tuple(colour) for colour in np.array(image.getpalette() or [], int).reshape(-1, 3).tolist()]
    used = np.flatnonzero(np.bincount(values.ravel(), minlength=256)).tolist()
    known = used[-1] < len(colours) if used else False
    if (carried := _transparent_entries(image, used)) is not None:
        return MaskFile(values=values, kind="index", transparency=carried[values])
    if known and sorted(colours) == _BLACK_AND_WHITE:  # no more than these: some programs sort a palette
        white = np.array([colour == (255, 255, 255) for colour in colours])
        return MaskFile(values=white.astype(np.uint8)[values], kind="bits")
    looks_grey = known and used[-1] > 1 and all(colours[index] == (index,) * 3 for index in used)
    return MaskFile(values=values, kind="grey" if looks_grey else "index")


def _transparent_entries(image: Image.Image, used: Sequence[int]) -> np.ndarray | None:
    """Opacity by index, where that says more of what is foreground than the indices do."""
    told = image.info.get("transparency")
    table = np.full(256, 255, np.uint8)
    if isinstance(told, bytes):
        table[: len(told)] = np.frombuffer(told[:256], np.uint8)
    elif isinstance(told, int) and 0 <= told < 256:
        table[told] = 0
    seen = [index for index in used if table[index] >= 128]
    if len(seen) in (0, len(used)) or (len(seen) > 1 and 0 not in seen):
        return None  # all alike, or several classes before a transparent background
    return table


def _grey_or_colours(rgb: np.ndarray, lossy: bool) -> np.ndarray:
    """Greys, and numbers for colours; a grey picture that compression has tinted gives greys alone."""
    spread = 0
    for strip in strips(rgb):
        if (spread := max(spread, _spread(strip))) > _GREY_SPREAD:
            break
    if spread == 0:
        return rgb[..., 0]
    if spread <= _GREY_SPREAD and (lossy or _many_colours(rgb)):
        return rgb[..., 1]
    numbers = np.empty(rgb.shape[:2], np.int32)
    for strip, target in zip(strips(rgb), strips(numbers), strict=True):
        target[:] = _numbered(strip)
    return numbers


def _spread(rgb: np.ndarray) -> int:
    red, green, blue = (rgb[..., channel] for channel in range(3))
    least, most = np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
    return int((most - least).max(initial=0))


def _numbered(rgb: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(rgb.astype(np.int32), -1, 0)
    return np.where((red == green) & (green == blue), red, COLOUR | red << 16 | green << 8 | blue)


def _many_colours(rgb: np.ndarray) -> bool:
    found: set[int] = set()
    for strip in strips(rgb):
        found.update(np.unique(changes(_numbered(strip))).tolist())
        if len(found) > _FEW:
            return True
    return False


def changes(values: np.ndarray) -> np.ndarray:
    """The first of equal neighbours, row after row: masks have long runs, which need not be sorted."""
    flat = values.ravel()
    return flat[np.concatenate([[True], flat[1:] != flat[:-1]])] if flat.size else flat


def strips(array: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of an array H×W or H×W×C, so many at a time that what is made of them takes little memory."""
    rows = max(1, _STRIP_PIXELS // max(1, array.shape[1]))
    return (array[top : top + rows] for top in range(0, len(array), rows))


def _of_array(array: np.ndarray) -> MaskFile:
    """What an array of numbers says: true and false, classes, or shares of each pixel."""
    if array.dtype == bool:
        return MaskFile(values=array.astype(np.uint8), kind="bits")
    if array.dtype.kind in "iu":
        return _of_integers(array)
    if not np.isfinite(array).all():
        raise Broken("numbers that are not finite")
    if ((array == 0) | (array == 1)).all():
        return MaskFile(values=array.astype(np.uint8), kind="bits")
    if array.min() >= 0 and array.max() <= 1:
        return MaskFile(values=np.rint(255 * array.astype(np.float64)).astype(np.uint8), kind="grey", shares=True)
    if (array == np.rint(array)).all():
        return _of_integers(array)
    raise Broken("fractions beyond 0 to 1, which are no mask")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_ARRAY_BYTES + 1)
    except OSError as error:
        raise Broken(error.strerror or str(error)) from error


def _read_array(content: bytes) -> np.ndarray:
    """The array H×W of a .npy file; nothing in it is executed.

    Raises:
        Broken: it is none, or one of another shape, of objects, cut short, or too large.
    """
    if len(content) > _ARRAY_BYTES:
        raise Broken(f"an array of more than {_ARRAY_BYTES >> 20} MiB; expected masks of 8 bits, or pictures")
    try:
        array = from_npy.read_npy(content, _check_shape)
    except bounds.Refused as error:
        raise Broken(str(error)) from error
    return array.reshape(_plane(array.shape))


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) < 2 or len(_plane(shape)) != 2 or 0 in shape:
        raise Broken(f"an array of shape {'×'.join(map(str, shape[:6])) or '()'}; expected height×width")
    if math.prod(shape) > limits.max_pixels():
        raise Broken(f"{math.prod(shape)} pixels; expected at most {limits.max_pixels()}: {limits.remedy()}")


def _plane(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Height and width of a mask that may have axes of length 1 beside them."""
    return shape if len(shape) == 2 else tuple(side for side in shape if side != 1)
