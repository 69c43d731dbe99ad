import json
import logging

import numpy as np
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.generation.backgrounds import Backgrounds, open_backgrounds
from l4f_datagen.generation.latents import Candidate
from l4f_datagen.generation.stream import stream
from l4f_datagen.photographs.folders import FolderImages
from l4f_datagen.shards.format import layout


def write_images(folder, count: int, size: tuple[int, int] = (40, 24)) -> None:
    """Images whose pixels tell where they are: red the column, green the row, blue the image."""
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[: size[1], : size[0]]
    for index in range(count):
        image = np.stack([x, y, np.full_like(x, index)], -1).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{index:03d} ü.png")


@pytest.fixture
def images(tmp_path):
    write_images(tmp_path / "bilder ä", 12)
    return tmp_path / "bilder ä"


@pytest.fixture
def settings(tiny_settings, images):
    return tiny_settings.model_copy(
        update={"backgrounds": str(images), "save": ("background", "w"), "image_format": "png"}
    )


def test_a_background_is_a_square_of_an_image(images):
    backgrounds = Backgrounds(FolderImages(images))
    seen = set()
    for index in range(300):
        picture, name = backgrounds.draw(Candidate(index), seed=0, size=12)
        assert picture.shape == (12, 12, 3) and picture.dtype == np.uint8
        assert name == f"{picture[0, 0, 2]:03d} ü.png" and (picture[..., 2] == picture[0, 0, 2]).all()
        width, height = (int(np.ptp(picture[..., channel].astype(int))) for channel in (0, 1))
        # 12 pixels show 12 to 24 pixels of the image, which is half to all of its 24 rows, undistorted.
        assert abs(width - height) <= 1 and 10 <= width <= 23
        seen.add((name, int(picture[0, 0, 0]), int(picture[0, 0, 1])))
    assert len({name for name, _, _ in seen}) == 12 and len(seen) > 150
    assert {left for _, left, _ in seen} >= {0, 20} and max(top for _, _, top in seen) >= 8


@pytest.mark.parametrize("size", [(6, 12), (12, 8), (12, 12)])
def test_a_background_has_the_shape_of_the_images(images, size):
    backgrounds = Backgrounds(FolderImages(images))
    for index in range(50):
        picture, _ = backgrounds.draw(Candidate(index), seed=0, size=size)
        assert picture.shape == (*size, 3)
        # Red grows from column to column of the image and green from row to row: both are shown at one scale.
        columns, rows = (float(np.ptp(picture[..., channel].astype(int))) for channel in (0, 1))
        assert abs(columns / (size[1] - 1) - rows / (size[0] - 1)) < 0.3
    square = backgrounds.draw(Candidate(3), seed=0, size=12)[0]
    np.testing.assert_array_equal(backgrounds.draw(Candidate(3), seed=0, size=(12, 12))[0], square)


def test_seed_index_and_number_choose(images):
    backgrounds = Backgrounds(FolderImages(images))
    draws = [backgrounds.draw(Candidate(index, number), seed=seed, size=12)
             for seed in (0, 1) for index in (0, 1) for number in (0, 1)]  # fmt: skip
    assert all(not np.array_equal(a[0], b[0]) for i, a in enumerate(draws) for b in draws[:i])
    again, name = Backgrounds(FolderImages(images)).draw(Candidate(1, 1), seed=1, size=12)
    np.testing.assert_array_equal(again, draws[-1][0])
    assert name == draws[-1][1]


def test_small_images_are_enlarged_and_said_once(tmp_path, caplog):
    write_images(tmp_path, 3, (8, 6))
    backgrounds = Backgrounds(FolderImages(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert {backgrounds.draw(Candidate(i), seed=0, size=12)[0].shape for i in range(9)} == {(12, 12, 3)}
    assert [record.getMessage().count("fewer than the generator's 12×12") for record in caplog.records] == [1]


def test_a_broken_image_is_named_once_and_its_successor_taken(tmp_path, caplog):
    write_images(tmp_path, 150, (12, 12))
    whole = Backgrounds(FolderImages(tmp_path))
    expected = [whole.draw(Candidate(i), seed=0, size=12) for i in range(300)]
    assert sum(name == "007 ü.png" for _, name in expected) > 0
    (tmp_path / "007 ü.png").write_bytes(b"no image")
    broken = Backgrounds(FolderImages(tmp_path))
    with caplog.at_level(logging.WARNING):
        for index, (_, name) in enumerate(expected):
            _, found = broken.draw(Candidate(index), seed=0, size=12)
            assert found == ("008 ü.png" if name == "007 ü.png" else name)
    assert [record.getMessage().count("007 ü.png: broken, skipped") for record in caplog.records] == [1]
    for name in ("000 ü.png", "001 ü.png"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(l4f.UserError, match="backgrounds: got 2 broken of 150.*at most 1%"):
        broken = Backgrounds(FolderImages(tmp_path))
        for index in range(600):
            broken.draw(Candidate(index), seed=0, size=12)


def test_composites_of_the_generators_foregrounds_on_images(settings, images):
    backgrounds, codes = open_backgrounds(str(images)), settings.model_copy(update={"backgrounds": "generator"})
    sources = set()
    for own, sample in zip(stream(codes), stream(settings), strict=True):
        picture, name = backgrounds.draw(Candidate(sample.metadata["index"]), seed=0, size=16)
        assert sample.metadata["background_source"] == name and own.metadata["background_source"] == "generator"
        np.testing.assert_array_equal(sample.background, picture)
        np.testing.assert_array_equal(sample.alpha, own.alpha)
        np.testing.assert_array_equal(sample.w, own.w[:1])  # the generator draws no background
        behind = sample.alpha == 0
        np.testing.assert_array_equal(sample.image[behind], picture[behind])
        sources.add(name)
    assert len(sources) > 5


@pytest.mark.parametrize("changes", [{"batch_size": 7}, {"samples_per_shard": 4}, {"batch_size": 1}])
def test_batches_and_shards_change_no_background(settings, changes):
    settings = settings.model_copy(update={"max_area": 0.55})
    for a, b in zip(stream(settings), stream(settings.model_copy(update=changes)), strict=True):
        assert a.metadata["candidate"] == b.metadata["candidate"]
        assert a.metadata["background_source"] == b.metadata["background_source"]
        np.testing.assert_array_equal(a.background, b.background)


@pytest.mark.parametrize("prefix", ["", "shards:"])
def test_shards_of_images(tmp_path, settings, prefix):
    l4f.generate(settings.model_copy(update={"seed": 5, "backgrounds": "generator"}), tmp_path / "ü")
    composites = {s.key: s.image for s in l4f.open_dataset(tmp_path / "ü")}
    for sample in stream(settings.model_copy(update={"backgrounds": f"{prefix}{tmp_path / 'ü'}", "n": 6})):
        tar, name = sample.metadata["background_source"].split("/")
        key, extension = name.split(".")
        assert tar == f"{int(key) // 10:05d}.tar" and extension == "png"
        np.testing.assert_array_equal(sample.background, composites[key])  # 16 of 16 pixels: nothing to crop


def test_other_images_do_not_continue_a_data_set(tmp_path, settings, images):
    out = tmp_path / "s"
    l4f.generate(settings.model_copy(update={"n": 10}), out)
    description = l4f.open_dataset(out).description
    assert description["backgrounds"]["images"] == 12 and len(description["backgrounds"]["sha256"]) == 64
    card = (out / layout.CARD).read_text()
    assert "parts of 12 images" in card and "license: unknown" in card and "float32 (1, w_dim)" in card
    assert "of the same network" not in card and "of the same network" not in json.dumps(description)
    images.rename(tmp_path / "moved")
    moved = settings.model_copy(update={"backgrounds": f"folder:{tmp_path / 'moved'}"})
    assert l4f.generate(moved, out).made == 13  # the same images elsewhere
    (tmp_path / "moved" / "000 ü.png").rename(tmp_path / "moved" / "other.png")
    for other in (moved, moved.model_copy(update={"backgrounds": "generator"})):
        with pytest.raises(l4f.UserError, match="background_images .12 images, SHA-256 "):
            l4f.generate(other, out)


@pytest.mark.parametrize(
    ("backgrounds", "words"),
    [
        ("", "nothing; expected generator"),
        ("folder:", "folder:; expected generator"),
        ("folder:no/where", "no/where, which is not there; expected a folder"),
    ],
)
def test_no_such_images(tiny_settings, backgrounds, words):
    with pytest.raises(l4f.UserError, match=f"backgrounds: got {words}"):
        next(stream(tiny_settings.model_copy(update={"backgrounds": backgrounds})))
