"""Files of masks: pictures of every mode, and arrays, as ``import`` and ``evaluate masks`` read them."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from l4f_datagen.samples.opening import open_masks
from l4f_datagen.samples.reading import Reading

TOKENS = (
    b"\x93NUMPY\1\0", b"\x93NUMPY\2\0", b"{'descr': '|O', ", b"'<f8'", b"'|b1'", b"[('a', '<i4')]", b"nan",
    b"'fortran_order': True", b"'shape': (", b"(99999, 99999)", b"(9, 9, 1)", b"()", b"(-1,)", b"1" * 400,
    b"(" * 300, b"[" * 300, b"\xff" * 8, b"PLTE", b"tRNS", b"IHDR", b"IDAT", b"eXIf", b"\x7f\xf8\0\0", b"None",
)  # fmt: skip
_MASK = np.pad(np.ones((6, 9), np.uint8), ((2, 4), (3, 4)))


def seeds() -> Mapping[str, bytes]:
    """A mask as every kind of file."""
    palette = Image.fromarray(_MASK)
    palette.putpalette([0, 0, 0, 200, 10, 10])
    transparent = np.dstack([np.full(_MASK.shape, 255, np.uint8)] * 3 + [255 * _MASK])
    black_and_white, colours = Image.fromarray(255 * _MASK), transparent[..., 1:] * _MASK[..., None]
    pictures = {
        "grey.png": black_and_white, "grey.gif": black_and_white, "grey.jpg": black_and_white,
        "bits.png": black_and_white.convert("1"), "indices.png": Image.fromarray(_MASK), "palette.png": palette,
        "deep.png": Image.fromarray(_MASK.astype(np.uint16) * 300), "cutout.png": Image.fromarray(transparent),
        "la.png": Image.fromarray(transparent[..., 2:]), "float.tif": Image.fromarray(_MASK.astype(np.float32)),
        "colours.bmp": Image.fromarray(colours),
    }  # fmt: skip
    arrays = {
        "bits.npy": _MASK == 1, "int.npy": _MASK.astype(np.int32), "soft.npy": _MASK * np.linspace(0.1, 1, 16),
        "fortran.npy": np.asfortranarray(255 * _MASK), "planes.npy": _MASK[None, ..., None],
    }  # fmt: skip
    return {name: _picture(name, picture) for name, picture in pictures.items()} | {
        name: _array(array) for name, array in arrays.items()
    }


def _picture(name: str, picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    options = {"transparency": 0} if name == "palette.png" else {}
    picture.save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(name[-3:], name[-3:].upper()), **options)
    return buffer.getvalue()


def _array(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read(content: bytes) -> None:
    """As the commands do; a set of one mask."""
    folder = Path("masks")
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    (folder / ("a.npy" if b"NUMPY" in content[:12] else "a.png")).write_bytes(content)
    mask = open_masks("masks", Reading(predicted=True)).mask(0)
    assert mask.dtype == np.uint8 and mask.ndim == 2 and np.isin(mask, (0, 1, 255)).all()
