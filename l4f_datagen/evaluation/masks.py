"""Mask files → class indices: uint8 H×W, 0 background, 1 foreground, 255 ignored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from ..errors import UserError
from .metrics import IGNORED

Values = Literal["auto", "index", "grey"]
EXTENSIONS = (".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".jpg", ".jpeg")
_GREY_SPREAD = 8
"""Channels of a grey picture differ by no more, compression allowed for."""
_STRAY_SHARE = 0.01
"""Of pixels that are not opaque, as drawing programs leave them; with more of them the transparency is the mask."""
_HALF = 128
_INDICES = (0, 1, IGNORED)
_INDEXED = ("P", "1")
"""Modes of pictures whose values are indices, whatever they look like."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How masks are read."""

    values: Values = "auto"
    """What grey files hold: class indices, or black and white; "auto": what ``folder_values`` finds."""
    classes: Sequence[int] = ()
    """Indices that are foreground; others but 255 are background. Empty: 0 and 1 are what they say."""
    flag: str = "--foreground-classes"
    """Where a user names those classes."""


def read_mask(path: Path, reading: Reading) -> np.ndarray:
    """The class indices of a mask file.

    Palette (P) and 1-bit pictures hold class indices. Grey ones (L, RGB, RGBA) hold indices if ``reading`` says so,
    else black and white, which are cut at half.

    Raises:
        UserError: it cannot be read, has colours, a transparency, 16 bits, or other classes.
    """
    picture, mode = _decode(path)
    if mode in _INDEXED or reading.values == "index":
        return to_two_classes(picture, reading, str(path))
    return (picture >= _HALF).astype(np.uint8)


def folder_values(paths: Sequence[Path], reading: Reading) -> Literal["index", "grey"]:
    """What the grey files of a folder hold.

    One file with a 1 and nothing but 0, 1 and 255 makes all of them indices, as does naming classes. A file of 0 and
    255 could be either, so that the others have to tell.

    Raises:
        UserError: a file is neither.
    """
    if reading.values != "auto":
        return reading.values
    if reading.classes:
        return "index"
    for path in paths:
        picture, mode = _decode(path)
        if mode in _INDEXED:
            continue
        if np.isin(picture, _INDICES).all():
            if (picture == 1).any():
                return "index"
        elif picture.max() < _HALF:
            raise UserError(
                str(path), got=f"grey values up to {picture.max()}",
                expected="class indices 0 and 1, or black and white",
                remedy=f"name the classes that are foreground with {reading.flag}, or use --values grey",
            )  # fmt: skip
        else:
            return "grey"
    return "grey"


def to_two_classes(indices: np.ndarray, reading: Reading, name: str) -> np.ndarray:
    """Class indices → 0, 1, 255.

    Raises:
        UserError: there are other classes than 0 and 1, and none is named as foreground.
    """
    if reading.classes:
        return np.where(indices == IGNORED, IGNORED, np.isin(indices, reading.classes)).astype(np.uint8)
    if not np.isin(indices, _INDICES).all():
        found = [int(v) for v in np.unique(indices) if v != IGNORED]
        raise UserError(
            name, got=f"a mask of classes {_few(found)}", expected="two classes, 0 and 1",
            remedy=f"name the classes that are foreground with {reading.flag}",
        )  # fmt: skip
    return indices.astype(np.uint8)


def fit(mask: np.ndarray, like: np.ndarray, *, resize: bool, name: str) -> np.ndarray:
    """A mask at the size of what it is for, (H, W) like ``like``.

    Raises:
        UserError: it has another, and is not to be resized.
    """
    if mask.shape == like.shape:
        return mask
    if not resize:
        raise UserError(
            name, got=f"a mask of {mask.shape[1]}×{mask.shape[0]} pixels",
            expected=f"{like.shape[1]}×{like.shape[0]}", remedy="use --resize to scale such masks",
        )  # fmt: skip
    return cv2.resize(mask, like.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def _decode(path: Path) -> tuple[np.ndarray, str]:
    """One number per pixel, uint8 H×W, and the file's mode."""
    try:
        with Image.open(path) as image:
            mode, picture = image.mode, np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(
            str(path), got=f"no readable picture ({' '.join(str(error).split())})", expected="a mask",
            remedy="restore the file",
        ) from error  # fmt: skip
    if mode in ("L", "P"):
        return picture, mode
    if mode == "1":
        return picture.astype(np.uint8), mode
    if mode in ("LA", "RGBA") and (picture[..., -1] != 255).mean() > _STRAY_SHARE:
        raise UserError(
            str(path), got=f"a picture with transparency (mode {mode})", expected="an opaque one, black and white",
            remedy="store its transparency as a grey picture",
        )  # fmt: skip
    if mode == "LA":
        return picture[..., 0], mode
    if mode in ("RGB", "RGBA"):
        colours = picture[..., :3].astype(np.int16)
        if np.ptp(colours, -1).max(initial=0) <= _GREY_SPREAD:
            return picture[..., 0], mode
        raise UserError(
            str(path), got="a picture with colours", expected="class indices, or black and white",
            remedy="store the classes as an indexed PNG (mode P)",
        )  # fmt: skip
    raise UserError(
        str(path), got=f"a picture of mode {mode}", expected="L, RGB, RGBA, P or 1", remedy="store it as 8-bit PNG"
    )


def _few(values: Sequence[int], shown: int = 8) -> str:
    return ", ".join(map(str, values[:shown])) + (", …" if len(values) > shown else "")
