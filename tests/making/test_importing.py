"""Labelled images become a data set like any other."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.export.run import export
from l4f_datagen.making.importing import import_dataset
from l4f_datagen.making.render import render
from l4f_datagen.settings import ExportSettings, ImportSettings, RenderSettings
from l4f_datagen.shards.format import layout
from l4f_datagen.shards.format.schema import SCHEMA


def imported(source: Path, out: Path, **settings) -> list[l4f.Sample]:
    import_dataset(ImportSettings(source=str(source), **settings), out)
    return list(l4f.open_dataset(out))


def save(path: Path, array: np.ndarray, mode: str | None = None, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0] + [7] * 762)
    elif mode:
        image = image.convert(mode)
    image.save(path, **options)


def picture(height: int = 20, width: int = 30, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def square(height: int = 20, width: int = 30, value: int = 1) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[5:12, 4:15] = value
    return mask


@pytest.fixture
def labelled(tmp_path) -> Path:
    """Two images of different sizes in "ä b/", one in a folder below."""
    root = tmp_path / "ä b"
    save(root / "images" / "Foto 1.jpg", picture(), quality=90)
    save(root / "images" / "below" / "2.png", picture(41, 17, 1))
    save(root / "masks" / "Foto 1.png", square())
    save(root / "masks" / "below" / "2.png", square(41, 17))
    return root


@pytest.mark.parametrize("form", ["folder", "coco", "voc", "fiftyone", "label-studio"])
def test_generated_exported_and_imported_is_the_same(tmp_path, tiny_settings, form):
    shards, there, back = tmp_path / "my shards ü", tmp_path / "over there 船", tmp_path / "back again é"
    l4f.generate(tiny_settings, shards)
    export(ExportSettings(format=form, image_set="val"), shards, there)
    source = there / "annotations" / "instances_val.json" if form == "coco" else there
    ours = imported(source, back, samples_per_shard=9)
    for sample, old in zip(ours, l4f.open_dataset(shards), strict=True):
        assert sample.key == old.key
        np.testing.assert_array_equal(sample.mask, old.mask)
        np.testing.assert_array_equal(sample.alpha, old.alpha if form == "folder" else 255 * old.mask)
    stored = [members["jpg"] for _, members in l4f.open_dataset(back).members()]
    assert stored == [members["jpg"] for _, members in l4f.open_dataset(shards).members()]


def test_ignored_pixels_come_back(tmp_path):
    mask = square()
    mask[10:14] = 255
    save(tmp_path / "in" / "images" / "a.png", picture())
    save(tmp_path / "in" / "masks" / "a.png", mask)
    first = imported(tmp_path / "in", tmp_path / "s")
    for form in ("coco", "folder", "voc"):
        export(ExportSettings(format=form), tmp_path / "s", tmp_path / form)
        source = tmp_path / form / "annotations" / "instances_train.json" if form == "coco" else tmp_path / form
        (sample,) = imported(source, tmp_path / f"back-{form}")
        np.testing.assert_array_equal(sample.mask, mask)
        assert sample.metadata["mask_area"] == first[0].metadata["mask_area"] == (mask == 1).mean().round(6)
        assert sample.metadata["bounding_box"] == [4, 5, 11, 5] and not sample.metadata["touches_border"]


def test_what_a_sample_holds(tmp_path, labelled):
    samples = imported(labelled, tmp_path / "s", image_format="png", licence="CC-BY-4.0")
    for index, (sample, stem) in enumerate(zip(samples, ("Foto 1", "below/2"), strict=True)):
        path = next((labelled / "images").glob(f"{stem}.*"))
        np.testing.assert_array_equal(sample.image, np.array(Image.open(path).convert("RGB")))
        np.testing.assert_array_equal(sample.alpha, 255 * sample.mask)
        row = sample.metadata
        assert list(row) == SCHEMA.names and (row["height"], row["width"]) == sample.image.shape[:2]
        assert row["mask_area"] == round(77 / sample.mask.size, 6) and row["bounding_box"] == [4, 5, 11, 7]
        assert (row["foreground_code"], row["psi"], row["decisiveness"]) == (index, 1.0, 1.0)
    description, card = l4f.open_dataset(tmp_path / "s").description, (tmp_path / "s" / layout.CARD).read_text()
    assert description["checkpoints"] == {} and description["source"]["name"] == "ä b"
    assert "`ä b`" in card and "license_name: CC-BY-4.0" in card and "synthetic" not in card
    assert str(tmp_path) not in json.dumps(description["source"])


def test_files_of_the_format_are_copied_others_encoded(tmp_path, labelled):
    out = tmp_path / "s"
    imported(labelled, out)
    stored = [members["jpg"] for _, members in l4f.open_dataset(out).members()]
    assert stored[0] == (labelled / "images" / "Foto 1.jpg").read_bytes()
    assert stored[1][:3] == b"\xff\xd8\xff"
    for image_format, place in (("png", 1), ("webp", 2)):
        Image.fromarray(picture()).save(labelled / "images" / "w.webp")
        save(labelled / "masks" / "w.png", square())
        imported(labelled, tmp_path / image_format, image_format=image_format)
        name = {"png": "below/2.png", "webp": "w.webp"}[image_format]
        stored = [members[image_format] for _, members in l4f.open_dataset(tmp_path / image_format).members()]
        assert stored[place] == (labelled / "images" / name).read_bytes()


def test_what_a_camera_adds_behind_an_image_is_left_out(tmp_path, labelled):
    path = labelled / "images" / "Foto 1.jpg"
    path.write_bytes(path.read_bytes() + bytes(64))
    imported(labelled, tmp_path / "s")
    stored = [members["jpg"] for _, members in l4f.open_dataset(tmp_path / "s").members()]
    assert stored[0].endswith(b"\xff\xd9")


def test_pictures_are_imported_as_they_are_looked_at(tmp_path):
    """Turned by EXIF, grey and transparent ones: upright RGB."""
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "images" / "a.png", picture(), exif=exif)
    save(tmp_path / "images" / "b.png", picture(), "L")
    save(tmp_path / "images" / "c.png", picture(), "RGBA")
    for name, shape in (("a", (30, 20)), ("b", (20, 30)), ("c", (20, 30))):
        save(tmp_path / "masks" / f"{name}.png", square(*shape))
    samples = imported(tmp_path, tmp_path / "s", image_format="png")
    np.testing.assert_array_equal(samples[0].image, np.rot90(picture(), -1))
    assert samples[1].image.shape == (20, 30, 3) and (np.ptp(samples[1].image, -1) == 0).all()
    np.testing.assert_array_equal(samples[2].image, picture())
    for key, members in l4f.open_dataset(tmp_path / "s").members():
        with Image.open(io.BytesIO(members["png"])) as image:
            assert image.mode == "RGB" and image.getexif().get(0x0112) is None, key


def test_one_size_for_all(tmp_path):
    mask = np.zeros((40, 80), np.uint8)
    mask[:20, 20:60], mask[30:] = 1, 255
    save(tmp_path / "images" / "a.png", np.repeat(mask[..., None], 3, 2) * 50)
    save(tmp_path / "masks" / "a.png", mask)
    (sample,) = imported(tmp_path, tmp_path / "s", size=20, image_format="png")
    assert sample.image.shape == (20, 20, 3) and sample.metadata["height"] == sample.metadata["width"] == 20
    expected = np.zeros((20, 20), np.uint8)
    expected[:10], expected[15:] = 1, 255
    np.testing.assert_array_equal(sample.mask, expected)
    np.testing.assert_array_equal(sample.alpha, 255 * (expected == 1))
    np.testing.assert_array_equal(sample.image[..., 0], mask[::2, 20:60:2] * 50)


def test_an_interrupted_import_continues_to_the_same_bytes(tmp_path):
    render(RenderSettings(n=11, size=16, samples_per_shard=11), tmp_path / "r")
    export(ExportSettings(format="folder"), tmp_path / "r", tmp_path / "f")
    settings = ImportSettings(source=str(tmp_path / "f"), samples_per_shard=4)

    def interrupt(progress):
        if progress.made == 6:
            raise KeyboardInterrupt

    # Names of folders are in a data set's indexes: the same name in two places.
    whole, broken = tmp_path / "a" / "s", tmp_path / "b" / "s"
    import_dataset(settings, whole)
    with pytest.raises(KeyboardInterrupt):
        import_dataset(settings, broken, report=interrupt)
    # Continued after the source went elsewhere, which changes no sample.
    shutil.move(tmp_path / "f", tmp_path / "elsewhere")
    moved = settings.model_copy(update={"source": str(tmp_path / "elsewhere")})
    assert import_dataset(moved, broken).made == 7
    for path in whole.iterdir():
        if path.name not in (layout.DATASET, layout.CARD):
            assert path.read_bytes() == (broken / path.name).read_bytes(), path.name
    save(tmp_path / "elsewhere" / "masks" / "000000003.png", square(16, 16))
    with pytest.raises(l4f.UserError, match="other settings: .*files"):
        import_dataset(moved, broken)


def test_the_first_ones_and_more_of_them(tmp_path, labelled):
    assert len(imported(labelled, tmp_path / "s", n=1)) == 1
    assert len(imported(labelled, tmp_path / "s")) == 2
    with pytest.raises(l4f.UserError, match="n: got 3; expected at most the 2"):
        imported(labelled, tmp_path / "t", n=3)


def test_soft_masks_beside_the_masks(tmp_path, labelled):
    soft = np.linspace(0, 255, 600).astype(np.uint8).reshape(20, 30)
    for stem, shape in (("Foto 1", (20, 30)), ("below/2", (41, 17))):
        save(labelled / "soft" / f"{stem}.png", np.resize(soft, shape))
    samples = imported(labelled, tmp_path / "s", alphas="soft")
    np.testing.assert_array_equal(samples[0].alpha, soft)
    assert 0.4 < samples[0].metadata["decisiveness"] < 0.6
    np.testing.assert_array_equal(samples[0].mask, square())


def test_names_that_do_not_match(tmp_path, labelled):
    for name in ("x", "y", "z", "zz"):
        save(labelled / "images" / f"{name}.jpg", picture())
    save(labelled / "masks" / "lone.png", square())
    with pytest.raises(l4f.UserError, match=r"4 of 6 images alone \(x, y, z and 1 more\); 1 of 3 masks alone \(lone\)"):
        imported(labelled, tmp_path / "s")
    assert len(imported(labelled, tmp_path / "s", skip_unmatched=True)) == 2
    save(labelled / "images" / "x.png", picture())
    with pytest.raises(l4f.UserError, match=r"x.jpg and x.png; expected one file of a name"):
        imported(labelled, tmp_path / "t", skip_unmatched=True)


def test_broken_files_are_named_and_counted_at_once(tmp_path, labelled):
    (labelled / "images" / "below" / "2.png").write_bytes(b"no image")
    save(labelled / "images" / "3.png", picture())
    save(labelled / "masks" / "3.png", square(21, 30))
    save(labelled / "images" / "4.png", picture())
    (labelled / "masks" / "4.png").write_bytes((labelled / "masks" / "3.png").read_bytes()[:60])
    with pytest.raises(l4f.UserError) as error:
        imported(labelled, tmp_path / "s")
    message = str(error.value)
    assert "1 images that cannot be read (2.png)" in message
    assert "1 masks of another size (3.png: 30×21, image 30×20)" in message
    assert "1 masks that cannot be read (4.png" in message and not (tmp_path / "s").exists()


def test_an_image_that_is_too_large_to_be_one(monkeypatch, tmp_path, labelled):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 320)  # Pillow takes twice as many
    with pytest.raises(l4f.UserError, match="1 images that cannot be read"):
        imported(labelled, tmp_path / "s")


def test_an_image_that_ends_early_is_named(tmp_path, labelled):
    path = labelled / "images" / "Foto 1.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(l4f.UserError, match="Foto 1.jpg: got a file that cannot be read"):
        imported(labelled, tmp_path / "s")
