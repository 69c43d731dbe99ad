import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from l4f_datagen.errors import UserError
from l4f_datagen.mask_files import png as mask_png
from l4f_datagen.masks import IGNORED
from l4f_datagen.shards.format import sides

MASK = (np.add.outer(np.arange(48), np.arange(64)) > 60).astype(np.uint8)
WITH_IGNORED = np.where(np.arange(48)[:, None] < 4, IGNORED, MASK).astype(np.uint8)
LARGE = np.tile(MASK, (3, 2))
"""Of more pixels than OpenCV decodes where there is a palette."""
MASKS = {
    "of two classes": MASK, "with ignored pixels": WITH_IGNORED, "empty": 0 * MASK, "full": 0 * MASK + 1,
    "of one pixel": MASK[:1, :1], "large": LARGE, "not contiguous": MASK[:, ::2],
}  # fmt: skip


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("values", ["01", "0255", "palette"])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_what_is_written_is_read_back(mask, values):
    if values == "0255" and IGNORED in mask:
        with pytest.raises(UserError, match="ignored pixels"):
            mask_png.encode(mask, values)
        return
    content = mask_png.encode(mask, values)
    sides.check_whole(content, "png")
    assert sides.of(content, "mask.png") == mask.shape
    found = mask_png.decode(content, values)
    assert found.dtype == np.uint8 and found.flags.writeable
    np.testing.assert_array_equal(found, mask)
    with opened(content) as image:
        image.verify()
    pixels = 255 * mask if values == "0255" else mask
    np.testing.assert_array_equal(np.asarray(opened(content)), pixels)


@pytest.mark.parametrize(("values", "shown"), [("01", [0, 1, 255]), ("palette", [0, 255, 128])])
def test_what_decoders_see_that_know_of_no_palettes(values, shown):
    content = mask_png.encode(WITH_IGNORED, values)
    expected = np.select([WITH_IGNORED == 1, WITH_IGNORED == IGNORED], shown[1:], shown[0])
    np.testing.assert_array_equal(np.asarray(opened(content).convert("L")), expected)
    grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(grey, expected)


@pytest.mark.parametrize("values", ["01", "0255"])
def test_grey_masks_have_eight_bits_since_decoders_scale_fewer(values):
    header = mask_png.encode(MASK, values)[24:29]
    assert header == bytes((8, 0, 0, 0, 0)), "depth, grey, deflate, standard filters, not interlaced"


@pytest.mark.parametrize("width", [1, 7, 8, 9, 15, 16, 17, 130])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_indexed_masks_of_any_width_are_read_alike_by_everybody(width, share):
    mask = (np.random.default_rng(width).random((5, width)) < share).astype(np.uint8)
    content = mask_png.encode(mask, "palette")
    sides.check_whole(content, "png")
    assert sides.of(content, "mask.png") == mask.shape
    with opened(content) as image:
        assert image.mode == "P" and image.getpalette() == [0, 0, 0, 255, 255, 255]
        np.testing.assert_array_equal(np.asarray(image), mask)
    grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(grey, 255 * mask)
    np.testing.assert_array_equal(mask_png.decode(content, "palette"), mask)


def test_indexed_masks_that_pillow_wrote_are_read_as_before():
    content = mask_png.coloured(MASK, mask_png.palette(with_ignored=False))
    np.testing.assert_array_equal(mask_png.decode(content, "palette"), MASK)


def test_indexed_masks_are_those_that_older_data_sets_have():
    content = mask_png.encode(MASK, "palette")
    assert content.startswith(
        b"\x89PNG\r\n\x1a\n"
        b"\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x30\x01\x03\0\0\0\x9b\x85\xee\x5c"
        b"\0\0\0\x06PLTE\0\0\0\xff\xff\xff\xa5\xd9\x9f\xdd"
    )
    at = content.index(b"IDAT") + 4
    rows = zlib.decompressobj().decompress(content[at:])
    assert rows == b"".join(b"\0" + row.tobytes() for row in np.packbits(MASK, axis=1)), "bits, and no filter"
