import io
from typing import get_args

import cv2
import numpy as np
import pytest
from PIL import Image

from l4f_datagen.mask_files import png as mask_png
from l4f_datagen.mask_files.values import MaskValues
from l4f_datagen.shards.format import encoding
from l4f_datagen.shards.verify import whole_images


def picture(size: int = 48, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


@pytest.mark.parametrize(("image_format", "quality"), [("jpg", 95), ("jpg", 10), ("png", 1), ("webp", 100)])
@pytest.mark.parametrize("size", [1, 16, 47, 200])
def test_whole_pictures_are_decoded(image_format, quality, size):
    for seed in range(5):
        content = encoding.encode_image(picture(size, seed), image_format, quality)
        found = whole_images.decode_picture(content, image_format).astype(int)
        # Decoders may round differently.
        assert np.abs(found - encoding.decode_image(content)).max() <= (3 if image_format == "jpg" else 0)


@pytest.mark.parametrize("quality", [30, 95])
def test_a_jpeg_that_lost_its_end_is_told_though_decoders_forgive_it(quality):
    content, forgiven = encoding.encode_image(picture(), "jpg", quality), 0
    for lost in range(1, len(content) - content.index(b"\xff\xda") - 16):
        for end in (b"", b"\xff\xd9"):
            cut = content[: -2 - lost] + end
            with pytest.raises(ValueError, match="JPEG|decoded"):
                whole_images.decode_picture(cut, "jpg")
            forgiven += cv2.imdecode(np.frombuffer(cut, np.uint8), cv2.IMREAD_COLOR) is not None
    assert forgiven > 20, "else there was nothing to be found"


@pytest.mark.parametrize("image_format", ["png", "webp"])
def test_pictures_that_are_cut_short_are_told(image_format):
    content = encoding.encode_image(picture(), image_format, 90)
    for length in (*range(0, len(content) - 1, 97), len(content) - 1):
        with pytest.raises(ValueError):
            whole_images.decode_picture(content[:length], image_format)
    with pytest.raises(ValueError):
        whole_images.decode_picture(content + b"\0", image_format)


@pytest.mark.parametrize("values", get_args(MaskValues))
def test_every_byte_of_a_png_counts(values):
    mask = np.zeros((9, 9), np.uint8)
    mask[2:5] = 1
    content = mask_png.encode(mask, values)
    np.testing.assert_array_equal(whole_images.decode_mask(content, values), mask)
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 4
        with pytest.raises(ValueError):
            whole_images.decode_mask(bytes(damaged), values)


def png(array: np.ndarray, mode: str | None = None) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, "PNG")
    return buffer.getvalue()


def indexed(array: np.ndarray) -> bytes:
    image = Image.fromarray(array)
    image.putpalette([7] * 768)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("values", "content", "words"),
    [
        ("palette", png(np.eye(4, dtype=np.uint8)), "mode L"),
        ("palette", indexed(np.full((4, 4), 2, np.uint8)), "classes 2"),
        ("palette", indexed(np.zeros((4, 4), np.uint8)), "other colours"),
        ("palette", encoding.encode_image(np.zeros((4, 4, 3), np.uint8), "jpg", 90), "no PNG"),
        ("01", mask_png.encode(np.eye(4, dtype=np.uint8), "palette"), "colour type 3"),
        ("01", png(np.eye(4, dtype=bool)), "1 bits"),
        ("01", png(np.full((4, 4), 2, np.uint8)), "classes 2, not 0, 1 and 255"),
        ("0255", mask_png.encode(np.eye(4, dtype=np.uint8), "01"), "classes 0, 1, not 0 and 255"),
        ("0255", png(np.full((4, 4, 3), 255, np.uint8)), "colour type 2"),
    ],
)
def test_masks_of_another_kind_are_told(values, content, words):
    with pytest.raises(ValueError, match=words):
        whole_images.decode_mask(content, values)


@pytest.mark.parametrize("values", ["01", "palette"])
def test_masks_with_ignored_pixels_are_masks(values):
    mask = np.array([[0, 1, 255]], np.uint8)
    np.testing.assert_array_equal(whole_images.decode_mask(mask_png.encode(mask, values), values), mask)


def test_alphas_of_another_kind_are_told():
    with pytest.raises(ValueError, match="colour type 2"):
        whole_images.decode_alpha(png(np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(ValueError, match="1 bits"):
        whole_images.decode_alpha(png(np.zeros((4, 4), np.uint8), "1"))
