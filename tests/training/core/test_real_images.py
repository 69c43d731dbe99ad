import io
import logging
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from l4f_datagen import worlds
from l4f_datagen.engines.local import generate
from l4f_datagen.errors import UserError
from l4f_datagen.photographs.opening import open_source
from l4f_datagen.training.core.real_images import RealImages

from ..conftest import write_pictures


def encoded(array: np.ndarray, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind)
    return out.getvalue()


def opened(path, **settings) -> RealImages:
    return RealImages(open_source(str(path), world_images=50), **{"size": 16, "seed": 0, **settings})


def plain(value: int, height: int = 16, width: int = 16) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_a_folder_of_any_nesting(pictures):
    images = opened(pictures)
    assert len(images.source) == 14
    batch = images.batch(range(4))
    assert batch.shape == (4, 3, 16, 16) and batch.dtype == torch.float32
    assert -1 <= batch.min() < -0.5 and 0.5 < batch.max() <= 1


def test_every_epoch_shows_every_picture_once_in_another_order(tmp_path):
    for index in range(10):
        Image.fromarray(plain(20 * index)).save(tmp_path / f"{index}.png")
    images = opened(tmp_path)
    orders = [[round((p.mean().item() + 1) * 127.5) for p in images.batch(range(e * 10, e * 10 + 10))] for e in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == [20 * i for i in range(10)]
    assert orders[0] != orders[1] and orders[0] != sorted(orders[0])
    again = opened(tmp_path)
    assert torch.equal(again.batch(range(3, 17)), images.batch(range(3, 17)))


def test_mirroring_by_chance(tmp_path):
    left = plain(0)
    left[:, :8] = 255
    Image.fromarray(left).save(tmp_path / "a.png")
    sides = [p[0, 0, 0].item() > 0 for p in opened(tmp_path, mirror=True).batch(range(40))]
    assert 5 < sum(sides) < 35
    assert all(p[0, 0, 0].item() > 0 for p in opened(tmp_path).batch(range(10)))


def test_the_centre_is_cropped_and_shrunk(tmp_path):
    wide = plain(0, 32, 96)
    wide[:, 32:64] = 200
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert (opened(tmp_path).picture(0) == 200).all()


def test_wide_pictures_get_black_rows(tmp_path):
    Image.fromarray(plain(90, 24, 32)).save(tmp_path / "a.png")
    picture = opened(tmp_path, content_rows=12).picture(0)
    assert (picture[2:14] == 90).all() and (picture[:2] == 0).all() and (picture[14:] == 0).all()
    with pytest.raises(UserError, match="at most the 16 rows"):
        opened(tmp_path, content_rows=17)


def test_small_pictures_warn_once(tmp_path, caplog):
    write_pictures(tmp_path, 3, size=(8, 8))
    with caplog.at_level(logging.WARNING):
        assert opened(tmp_path).batch(range(3)).shape == (3, 3, 16, 16)
    assert [
        r.getMessage() for r in caplog.records if "fewer than the generator's 16×16" in r.getMessage()
    ].__len__() == 1


def test_one_broken_file_in_150_is_named_once_and_skipped(tmp_path, caplog):
    for index in range(150):
        Image.fromarray(plain(index)).save(tmp_path / f"{index:03d}.png")
    whole = encoded(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    (tmp_path / "007.png").write_bytes(whole[: len(whole) // 2])
    images = opened(tmp_path)
    with caplog.at_level(logging.WARNING):
        values = [round((p.mean().item() + 1) * 127.5) for p in images.batch(range(300))]
    assert values.count(7) == 0 and values.count(8) == 4 and values.count(9) == 2
    assert [r.getMessage().count("007.png") for r in caplog.records] == [1] and images.broken == {7}


def test_more_than_one_percent_broken_stops(tmp_path):
    write_pictures(tmp_path, 150)
    for name in ("000.png", "002.png"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(UserError, match="2 broken of 150.*at most 1%"):
        opened(tmp_path).batch(range(150))


def test_our_own_shards_give_the_composites_alone(tmp_path, tiny_settings):
    generate(tiny_settings.model_copy(update={"save": ("foreground",), "image_format": "png"}), tmp_path / "shards")
    for path in (tmp_path / "shards", tmp_path / "shards" / "*.tar"):
        images = opened(path)
        assert len(images.source) == 23
        with tarfile.open(tmp_path / "shards" / "00000.tar") as archive:
            expected = np.asarray(Image.open(archive.extractfile("000000004.png")))
        assert np.array_equal(images.picture(4), expected)


@pytest.mark.parametrize("name", worlds.NAMES)
def test_a_world_is_drawn_at_the_generators_size(name):
    images = opened(f"world:{name}")
    assert len(images.source) == 50
    assert np.array_equal(images.picture(3), worlds.render(name, seed=0, index=3, size=16).image)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "not there"),
        ("empty", "no image was found"),
        ("file.txt", "nothing of the kind"),
        ("world:boats", "vessels"),
    ],
)
def test_nothing_to_learn_from(tmp_path, name, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("text")
    with pytest.raises(UserError, match=words):
        open_source(name if name.startswith("world:") else str(tmp_path / name), world_images=5)
