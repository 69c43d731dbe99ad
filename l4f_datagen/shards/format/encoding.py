"""A sample and the members that store it in a shard: image, alpha, mask, metadata, and what else was asked for."""

import io
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ... import documents
from ...errors import UserError, WorkError
from ...mask_files import png as mask_png
from ...mask_files.values import MaskValues
from ...sample import Sample
from . import sides

IMAGE_FORMATS = ("jpg", "png", "webp")
ERRORS = (KeyError, ValueError, TypeError, OSError, SyntaxError, struct.error, OverflowError, EOFError, MemoryError,
          cv2.error, zlib.error, Image.DecompressionBombError, UserError)  # fmt: skip
"""Errors that decoders raise for damaged members."""
_MOST_JSON = 1 << 20


def _filter(name: str) -> list[int]:
    """OpenCV's options that choose one filter for all rows of a PNG.

    Trying all on every row takes up to three times as long and saves a few per cent. Before 4.12 it always does.
    """
    choice = getattr(cv2, "IMWRITE_PNG_FILTER", None)
    return [] if choice is None else [choice, getattr(cv2, f"IMWRITE_PNG_FILTER_{name}")]


# Masks are long runs of equal bytes: run lengths are quicker to find than matches, and no longer.
_SOFT_MASK = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE, *_filter("UP")]
_COLOURS = [cv2.IMWRITE_PNG_COMPRESSION, 2, *_filter("PAETH")]


def encode(sample: Sample, *, image_format: str, quality: int, mask_values: MaskValues) -> dict[str, bytes]:
    """Members by extension, "jpg", "alpha.png", "mask.png", "json" and what else the sample has."""
    members = {
        image_format: sample.encoded or encode_image(sample.image, image_format, quality),
        "alpha.png": encode_grey(sample.alpha),
        "mask.png": mask_png.encode(sample.mask, mask_values),
        "json": json.dumps(sample.metadata, separators=(",", ":")).encode(),
    }
    for name in ("foreground", "background"):
        if (image := getattr(sample, name)) is not None:
            members[f"{name}.{image_format}"] = encode_image(image, image_format, quality)
    if sample.cutout is not None:
        members["cutout.png"] = encode_cutout(sample.cutout)
    if sample.w is not None:
        buffer = io.BytesIO()
        np.save(buffer, sample.w)
        members["w.npy"] = buffer.getvalue()
    return members


def decode(members: Mapping[str, bytes], mask_values: MaskValues) -> Sample:
    """The sample of members by extension, as ``encode`` gives them.

    Raises:
        One of ``ERRORS``: a member is missing, cannot be decoded, or is of another size than the others.
    """
    image_format = _image_format(members)
    metadata = decode_metadata(members)
    size = sides.of(_member(members, "mask.png"), "mask.png")
    pictures = [image_format, "alpha.png", "mask.png"]
    pictures += [name for n in ("foreground", "background") if (name := f"{n}.{image_format}") in members]
    pictures += ["cutout.png"] * ("cutout.png" in members)
    for name in pictures:
        sides.check(_member(members, name), name, size)
        sides.check_whole(members[name], name.rpartition(".")[2])
    extras = {
        name.partition(".")[0]: (decode_cutout if name == "cutout.png" else decode_image)(members[name])
        for name in pictures[3:]
    }
    w = np.load(io.BytesIO(members["w.npy"]), allow_pickle=False) if "w.npy" in members else None
    arrays = {
        "image": decode_image(members[image_format]),
        "alpha": decode_grey(members["alpha.png"]),
        "mask": mask_png.decode(members["mask.png"], mask_values),
    }
    for name, array in arrays.items():
        if array.shape[:2] != size or array.ndim != 2 + (name == "image"):
            raise ValueError(f"its {name} has the shape {array.shape}; expected {size[0]}×{size[1]} pixels")
    return Sample(
        image=arrays["image"], alpha=arrays["alpha"], mask=arrays["mask"], metadata=metadata, w=w,
        foreground=extras.get("foreground"), background=extras.get("background"), cutout=extras.get("cutout"),
    )  # fmt: skip


def decode_pair(members: Mapping[str, bytes], mask_values: MaskValues) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask of members by extension, as in ``Sample``; the rest is not looked at. Raises as ``decode``."""
    image_format = _image_format(members)
    size = sides.of(_member(members, "mask.png"), "mask.png")
    sides.check(members[image_format], image_format, size)
    sides.check_whole(members[image_format], image_format)
    sides.check_whole(members["mask.png"], "png")
    image, mask = decode_image(members[image_format]), mask_png.decode(members["mask.png"], mask_values)
    if not image.shape[:2] == mask.shape == size:
        raise ValueError(f"an image of the shape {image.shape} with a mask of {mask.shape}")
    return image, mask


def decode_metadata(members: Mapping[str, bytes]) -> dict[str, Any]:
    """The row of members by extension. Raises as ``decode``."""
    return documents.read_json(_member(members, "json"), "its metadata", kind=dict, most=_MOST_JSON)


def _member(members: Mapping[str, bytes], name: str) -> bytes:
    if name not in members:
        raise KeyError(f"{name} is missing")
    return members[name]


def _image_format(members: Mapping[str, bytes]) -> str:
    for name in IMAGE_FORMATS:
        if name in members:
            return name
    raise KeyError(f"no image among {sorted(members)}")


def encode_image(image: np.ndarray, image_format: str, quality: int) -> bytes:
    """RGB uint8 H×W×3 → a file; ``quality`` 1 to 100 for jpg (full colour resolution) and webp (100: lossless)."""
    options = {
        "jpg": [
            cv2.IMWRITE_JPEG_QUALITY,
            quality,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ],
        "png": _COLOURS,
        "webp": [cv2.IMWRITE_WEBP_QUALITY, 101 if quality == 100 else quality],
    }[image_format]
    return _imencode(f".{image_format}", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)


def decode_image(content: bytes) -> np.ndarray:
    """A file → RGB uint8 H×W×3."""
    return cv2.cvtColor(_imdecode(content, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def decode_grey(content: bytes) -> np.ndarray:
    """An alpha's PNG → uint8 H×W."""
    return _imdecode(content, cv2.IMREAD_GRAYSCALE)


def encode_grey(values: np.ndarray) -> bytes:
    """uint8 H×W → a PNG of mode L: an alpha, say, or indices of many classes."""
    return _imencode(".png", values, _SOFT_MASK)


def encode_cutout(cutout: np.ndarray) -> bytes:
    """RGBA uint8 H×W×4 → a PNG with transparency, not premultiplied."""
    return _imencode(".png", cv2.cvtColor(cutout, cv2.COLOR_RGBA2BGRA), _COLOURS)


def decode_cutout(content: bytes) -> np.ndarray:
    """A PNG with transparency → RGBA uint8 H×W×4."""
    found = _imdecode(content, cv2.IMREAD_UNCHANGED)
    if found.ndim != 3 or found.shape[2] != 4 or found.dtype != np.uint8:
        raise ValueError("a cut-out without transparency")
    return cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA)


def _imencode(extension: str, image: np.ndarray, options: list[int]) -> bytes:
    done, content = cv2.imencode(extension, image, options)
    if not done:
        raise WorkError(f"OpenCV could not encode an image of shape {image.shape} as {extension}")
    return content.tobytes()


def _imdecode(content: bytes, flags: int) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if image is None:
        raise ValueError("an image cannot be decoded")
    return image
