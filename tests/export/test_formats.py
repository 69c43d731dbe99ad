"""Every format is read back, by its own library where that can be had, to the same masks and images."""

import contextlib
import importlib
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image
from pycocotools.coco import COCO

import l4f_datagen as l4f
from l4f_datagen.export.formats import hf_parquet
from l4f_datagen.export.run import export
from l4f_datagen.settings import ExportSettings


@pytest.fixture
def datasets():
    """The library, for the tests that ask for it: every process that collects them would wait a second for it."""
    return importlib.import_module("datasets")


SETS = {"train": "train", "val": "validation", "test": "test"}


def exported(source: Path, out: Path, form: str, **settings) -> dict[str, int]:
    return dict(export(ExportSettings(format=form, **settings), source, out).counts)


def truth(source: Path) -> dict[str, l4f.Sample]:
    return {sample.key: sample for sample in l4f.open_dataset(source)}


def stored(source: Path) -> dict[str, bytes]:
    """The composites' files by name."""
    return {
        f"{key}.{extension}": members[extension]
        for key, members in l4f.open_dataset(source).members()
        for extension in ("jpg", "png")
        if extension in members
    }


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def load_coco(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def coco_masks(coco: COCO) -> dict[str, np.ndarray]:
    """Masks of all images by stem: what is crowd is ignored."""
    found = {}
    for image in coco.loadImgs(coco.getImgIds()):
        mask = np.zeros((image["height"], image["width"]), np.uint8)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            region = coco.annToMask(annotation)
            mask[region == 1] = 255 if annotation["iscrowd"] else 1
            x, y, width, height = cv2.boundingRect(region)
            assert annotation["bbox"] == [x, y, width, height] and annotation["area"] == region.sum()
        found[Path(image["file_name"]).stem] = mask
    return found


@pytest.mark.parametrize("source", ["generated", "rendered", "difficult"])
def test_coco_by_pycocotools(request, tmp_path, source):
    source = request.getfixturevalue(source)
    counts = exported(source, tmp_path / "a b ü", "coco", split="0.5/0.3/0.2", class_name="schön")
    expected, found = truth(source), {}
    for name, count in counts.items():
        coco = load_coco(tmp_path / "a b ü" / "annotations" / f"instances_{name}.json")
        assert len(coco.getImgIds()) == count and len(set(coco.anns)) == len(coco.dataset["annotations"])
        assert 0 not in coco.anns and coco.loadCats([1])[0]["name"] == "schön"
        names = [image["file_name"] for image in coco.dataset["images"]]
        images = files(tmp_path / "a b ü" / "images" / name)
        assert sorted(images) == names and images.items() <= stored(source).items()
        found |= coco_masks(coco)
    assert sum(counts.values()) == len(expected) == len(found)
    for key, sample in expected.items():
        np.testing.assert_array_equal(found[key], sample.mask)


def test_coco_numbers_stay_when_a_data_set_grows(tmp_path, rendered):
    from l4f_datagen.making.render import render
    from l4f_datagen.settings import RenderSettings

    render(RenderSettings(n=20, size=48, samples_per_shard=25, image_format="png"), tmp_path / "small")
    for source, name in ((tmp_path / "small", "a"), (rendered, "b")):
        exported(source, tmp_path / name, "coco", split="0.6/0.4")
    for image_set in ("train", "val"):
        small, large = (load_coco(tmp_path / n / "annotations" / f"instances_{image_set}.json") for n in "ab")
        assert small.imgs and all(large.imgs[number] == image for number, image in small.imgs.items())
        assert all(large.anns[number] == annotation for number, annotation in small.anns.items())


@pytest.mark.parametrize("source", ["generated", "rendered", "difficult"])
def test_yolo_polygons_fill_to_the_masks(request, tmp_path, source):
    source = request.getfixturevalue(source)
    exported(source, tmp_path / "y", "yolo", split="0.7/0.3", class_name="boat: big")
    data = yaml.safe_load((tmp_path / "y" / "data.yaml").read_text())
    assert data == {"train": "images/train", "val": "images/val", "nc": 1, "names": {0: "boat: big"}}
    found = {}
    for name in ("train", "val"):
        assert files(tmp_path / "y" / "images" / name).items() <= stored(source).items()
        for path in (tmp_path / "y" / "labels" / name).iterdir():
            found[path.stem] = path.read_text().splitlines()
    expected = truth(source)
    assert sorted(found) == sorted(expected)
    for key, lines in found.items():
        mask = np.zeros_like(expected[key].mask)
        for line in lines:
            number, *values = line.split()
            polygon = np.array(values, np.float32).reshape(-1, 2)
            assert number == "0" and len(polygon) >= 3 and polygon.min() >= 0 and polygon.max() <= 1
            # As Ultralytics does it: in pixels, truncated, filled.
            cv2.fillPoly(mask, [(polygon * mask.shape[::-1]).astype(np.int32)], 1)
        np.testing.assert_array_equal(mask, expected[key].mask == 1)


def test_yolo_has_both_sets_even_without_a_split_and_tells_of_ignored_pixels(tmp_path, difficult):
    done = export(ExportSettings(format="yolo"), difficult, tmp_path / "y")
    data = yaml.safe_load((tmp_path / "y" / "data.yaml").read_text())
    assert data["train"] == data["val"] == "images/train"
    assert len(done.notes) == 1 and "in 2 samples" in done.notes[0]
    assert done.notes[0] in (tmp_path / "y" / "README.md").read_text()


def read_mask(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == mode
        return np.array(image)


@pytest.mark.parametrize("source", ["generated", "difficult"])
@pytest.mark.parametrize("values", ["palette", "01"])
def test_voc_lists_and_palette(request, tmp_path, source, values):
    source = request.getfixturevalue(source)
    exported(source, tmp_path / "v", "voc", split="0.6/0.2/0.2", mask_values=values)
    lists = {path.stem: path.read_text().split() for path in (tmp_path / "v" / "ImageSets" / "Segmentation").iterdir()}
    expected = truth(source)
    assert set(lists) == {"train", "val", "test", "trainval"}
    assert sorted(lists["trainval"] + lists["test"]) == sorted(expected)
    assert sorted(lists["train"] + lists["val"]) == lists["trainval"]
    assert files(tmp_path / "v" / "JPEGImages") == stored(source)
    for key, sample in expected.items():
        path = tmp_path / "v" / "SegmentationClass" / f"{key}.png"
        np.testing.assert_array_equal(read_mask(path, "P" if values == "palette" else "L"), sample.mask)
    if values == "palette":
        with Image.open(tmp_path / "v" / "SegmentationClass" / "000000000.png") as image:
            palette = np.array(image.getpalette()).reshape(-1, 3)
        assert palette[[0, 1, 255]].tolist() == [[0, 0, 0], [128, 0, 0], [224, 224, 192]]


def test_voc_wants_jpeg(tmp_path, rendered):
    done = export(ExportSettings(format="voc", image_set="test"), rendered, tmp_path / "v")
    assert "60 images" in done.notes[0]
    assert len((tmp_path / "v" / "ImageSets" / "Segmentation" / "test.txt").read_text().split()) == 60
    for key, sample in truth(rendered).items():
        with Image.open(tmp_path / "v" / "JPEGImages" / f"{key}.jpg") as image:
            assert image.format == "JPEG" and np.abs(np.array(image).astype(int) - sample.image).mean() < 6


@pytest.mark.parametrize(("values", "mode", "most"), [("palette", "P", 1), ("01", "L", 1), ("0255", "L", 255)])
def test_folder(tmp_path, rendered, values, mode, most):
    counts = exported(rendered, tmp_path / "f", "folder", mask_values=values)
    assert counts == {"train": 60}
    assert files(tmp_path / "f" / "images") == stored(rendered)
    rows = {row["key"]: row for row in pq.read_table(tmp_path / "f" / "metadata.parquet").to_pylist()}
    for key, sample in truth(rendered).items():
        np.testing.assert_array_equal(read_mask(tmp_path / "f" / "masks" / f"{key}.png", mode), most * sample.mask)
        np.testing.assert_array_equal(read_mask(tmp_path / "f" / "alphas" / f"{key}.png", "L"), sample.alpha)
        assert rows[key] == sample.metadata


@pytest.mark.parametrize("form", ["folder", "fiftyone"])
def test_every_set_is_a_folder_of_its_own(tmp_path, generated, form):
    counts = exported(generated, tmp_path / "f", form, split="0.5/0.25/0.25")
    image, label = ("images", "masks") if form == "folder" else ("data", "labels")
    keys = []
    for name, count in counts.items():
        stems = [sorted(p.stem for p in (tmp_path / "f" / name / part).iterdir()) for part in (image, label)]
        assert stems[0] == stems[1] and len(stems[0]) == count > 0
        if form == "folder":
            assert pq.read_table(tmp_path / "f" / name / "metadata.parquet")["key"].to_pylist() == stems[0]
        keys += stems[0]
    assert sorted(keys) == sorted(truth(generated))


@pytest.mark.parametrize(("values", "most"), [("01", 1), ("0255", 255)])
def test_fiftyone_as_its_manual_has_it(tmp_path, generated, values, most):
    """data/ and labels/ with the same stems; masks are read by OpenCV as they are, so they need one channel."""
    exported(generated, tmp_path / "o", "fiftyone", mask_values=values)
    assert files(tmp_path / "o" / "data") == stored(generated)
    for key, sample in truth(generated).items():
        mask = cv2.imread(str(tmp_path / "o" / "labels" / f"{key}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask, most * sample.mask)
    assert f'mask_targets={{{most}: "foreground"}}' in (tmp_path / "o" / "README.md").read_text()


@pytest.mark.parametrize(("values", "mode", "most"), [(None, "L", 1), ("palette", "P", 1), ("0255", "L", 255)])
def test_hf_parquet_by_datasets(monkeypatch, tmp_path, rendered, datasets, values, mode, most):
    monkeypatch.setattr(hf_parquet, "ROWS", 7)
    monkeypatch.setattr(hf_parquet, "FILE_BYTES", 40_000)
    counts = exported(rendered, tmp_path / "h", "hf-parquet", split="0.6/0.2/0.2", mask_values=values)
    loaded = datasets.load_dataset(str(tmp_path / "h"), cache_dir=str(tmp_path / "cache"))
    assert {name: loaded[SETS[name]].num_rows for name in counts} == counts
    assert len(list((tmp_path / "h" / "data").glob("train-*-of-*.parquet"))) > 1
    assert pq.ParquetFile(min((tmp_path / "h" / "data").iterdir())).metadata.row_group(0).num_rows <= 7
    expected = truth(rendered)
    for rows in loaded.values():
        assert {name for name, feature in rows.features.items() if isinstance(feature, datasets.Image)} == {
            "image", "mask", "alpha",
        }  # fmt: skip
        for row in rows:
            sample = expected.pop(row["key"])
            assert row["mask"].mode == mode
            np.testing.assert_array_equal(np.array(row["image"]), sample.image)
            np.testing.assert_array_equal(np.array(row["mask"]), most * sample.mask)
            np.testing.assert_array_equal(np.array(row["alpha"]), sample.alpha)
            assert {name: row[name] for name in sample.metadata} == sample.metadata
    assert not expected


def test_hf_parquet_with_an_empty_split_and_ignored_pixels(tmp_path, difficult, datasets):
    counts = exported(difficult, tmp_path / "h", "hf-parquet", split="0.998/0.001/0.001")
    assert counts == {"train": 10, "val": 0, "test": 0}
    loaded = datasets.load_dataset(str(tmp_path / "h"), cache_dir=str(tmp_path / "cache"))
    assert {name: rows.num_rows for name, rows in loaded.items()} == {"train": 10}
    expected = truth(difficult)
    for row in loaded["train"]:
        np.testing.assert_array_equal(np.array(row["mask"]), expected[row["key"]].mask)


def test_the_card_says_where_it_came_from(tmp_path, generated):
    description = json.loads((generated / "dataset.json").read_text())
    for form in ("coco", "hf-parquet"):
        exported(generated, tmp_path / form, form)
        card = (tmp_path / form / "README.md").read_text()
        assert description["checkpoints"]["alpha"]["sha256"] in card and "Licence: MIT" in card
        assert description["fingerprint"] in card
