import io

import cv2
import numpy as np
import pytest
from PIL import Image

from l4f_datagen.sample import Sample
from l4f_datagen.shards.format import encoding
from l4f_datagen.shards.format.arithmetic import Arithmetic
from l4f_datagen.versions import ENCODING, versions


@pytest.fixture
def sample() -> Sample:
    y, x = np.mgrid[:48, :64]
    image = np.stack([3 * x, 4 * y, 2 * (x + y)], -1).astype(np.uint8)
    alpha = np.clip(8 * (x - 20), 0, 255).astype(np.uint8)
    mask = (alpha >= 128).astype(np.uint8)
    return Sample(
        image=image,
        alpha=alpha,
        mask=mask,
        metadata={"key": "000000007", "psi": 1.0},
        foreground=image[::-1].copy(),
        background=image[:, ::-1].copy(),
        w=np.arange(8, dtype=np.float32).reshape(2, 4),
    )


@pytest.mark.parametrize(
    ("image_format", "quality", "most"), [("png", 1, 0), ("webp", 100, 0), ("jpg", 95, 12), ("webp", 90, 24)]
)
def test_round_trip(sample, image_format, quality, most):
    members = encoding.encode(sample, image_format=image_format, quality=quality, mask_values="01")
    assert set(members) == {
        image_format,
        "alpha.png",
        "mask.png",
        "json",
        f"foreground.{image_format}",
        f"background.{image_format}",
        "w.npy",
    }
    back = encoding.decode(members, "01")
    for name in ("image", "foreground", "background"):
        assert np.abs(getattr(back, name).astype(int) - getattr(sample, name)).max() <= most
    for name in ("alpha", "mask", "w"):
        np.testing.assert_array_equal(getattr(back, name), getattr(sample, name))
        assert getattr(back, name).dtype == getattr(sample, name).dtype
    assert back.metadata == sample.metadata


def test_red_stays_red(sample):
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    for image_format in encoding.IMAGE_FORMATS:
        content = encoding.encode_image(red, image_format, 95)
        assert np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))[8, 8].tolist() == pytest.approx(
            [255, 0, 0], abs=3
        )


@pytest.mark.parametrize("missing", ["jpg", "mask.png", "json"])
def test_a_missing_member_is_named(sample, missing):
    members = encoding.encode(sample, image_format="jpg", quality=95, mask_values="01")
    del members[missing]
    with pytest.raises(KeyError):
        encoding.decode(members, "01")


def test_a_damaged_image_is_an_error(sample):
    members = encoding.encode(sample, image_format="jpg", quality=95, mask_values="01")
    members["jpg"] = members["jpg"][:40]
    with pytest.raises(ValueError, match="decoded"):
        encoding.decode(members, "01")


def test_jpeg_keeps_full_colour_resolution(sample):
    content = encoding.encode_image(sample.image, "jpg", 95)
    ycrcb = cv2.cvtColor(encoding.decode_image(content), cv2.COLOR_RGB2YCrCb).astype(int)
    expected = cv2.cvtColor(sample.image, cv2.COLOR_RGB2YCrCb).astype(int)
    assert np.abs(ycrcb - expected).mean() < 1.5
    with Image.open(io.BytesIO(content)) as image:
        assert {component[1:3] for component in image.layer} == {(1, 1)}


def test_pngs_lose_nothing(sample):
    np.testing.assert_array_equal(encoding.decode_grey(encoding.encode_grey(sample.alpha)), sample.alpha)
    np.testing.assert_array_equal(encoding.decode_image(encoding.encode_image(sample.image, "png", 1)), sample.image)


def test_a_data_set_of_another_encoding_says_so():
    here = Arithmetic("b", "cpu", versions(()))
    there = Arithmetic("a", "cpu", {name: value for name, value in here.versions.items() if name != "encoding"})
    assert there.difference(here) == f"encoding none there, {ENCODING} here"
