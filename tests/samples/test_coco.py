"""COCO files of other programs: polygons, run lengths of both kinds, crowds, categories, and what is wrong."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

import l4f_datagen as l4f
from l4f_datagen.making.importing import open_source
from l4f_datagen.settings import ImportSettings

HEIGHT, WIDTH = 24, 32


def region(x: int, y: int, size: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[y : y + size, x : x + size] = 1
    return mask


def compressed(mask: np.ndarray) -> dict:
    runs = coco_mask.encode(np.asfortranarray(mask))
    return {"size": runs["size"], "counts": runs["counts"].decode()}


def uncompressed(mask: np.ndarray) -> dict:
    counts, last = [0], 0
    for value in mask.ravel(order="F").tolist():
        if value != last:
            counts.append(0)
            last = value
        counts[-1] += 1
    return {"size": list(mask.shape), "counts": counts}


def polygon(x: int, y: int, size: int) -> list[list[int]]:
    return [[x, y, x + size, y, x + size, y + size, x, y + size]]


@pytest.fixture
def data() -> dict:
    """Three images: two categories in the first, a crowd in the second, none in the third."""
    annotations = [
        (1, 1, polygon(2, 3, 5), 0), (1, 2, uncompressed(region(12, 4, 6)), 0), (1, 2, [[1, 1, 2, 2]], 0),
        (2, 1, compressed(region(10, 10, 8)), 0), (2, 1, compressed(region(8, 8, 6)), 1),
    ]  # fmt: skip
    return {
        "images": [
            {"id": number, "file_name": f"{number} ü.jpg", "width": WIDTH, "height": HEIGHT} for number in (1, 2, 3)
        ],
        "annotations": [
            {"id": 9 + k, "image_id": image, "category_id": category, "segmentation": segmentation, "iscrowd": crowd}
            for k, (image, category, segmentation, crowd) in enumerate(annotations)
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }


def write(folder: Path, data: dict, images: str = "images") -> Path:
    (folder / images).mkdir(parents=True, exist_ok=True)
    for number in (1, 2, 3):
        Image.new("RGB", (WIDTH, HEIGHT), (number, 9, 9)).save(folder / images / f"{number} ü.jpg")
    path = folder / "annotations" / "instances_val.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def masks(path: Path, **settings) -> list[np.ndarray]:
    source = open_source(ImportSettings(source=str(path), **settings))
    return [source.read(index).mask for index in range(len(source))]


def test_segmentations_of_all_kinds(tmp_path, data):
    path = write(tmp_path, data)
    crowded = np.where(region(10, 10, 8) == 1, 1, 255 * region(8, 8, 6))
    empty = np.zeros((HEIGHT, WIDTH), np.uint8)
    both = region(2, 3, 5) | region(12, 4, 6)
    for found, expected in zip(masks(path), (both, crowded, empty), strict=True):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(masks(path, categories="dog"), (region(12, 4, 6), empty, empty), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("folder", ["images", "val", "annotations/val", "annotations/images", "annotations"])
def test_where_images_usually_are(tmp_path, data, folder):
    assert len(masks(write(tmp_path, data, folder))) == 3


def test_where_images_are_said_to_be(tmp_path, data):
    path = write(tmp_path, data, "far/away")
    with pytest.raises(l4f.UserError, match=r"no folder that holds 1 ü.jpg.*--images"):
        masks(path)
    assert len(masks(path, images="../far/away")) == len(masks(path, images=str(tmp_path / "far" / "away"))) == 3


def test_what_a_large_polygon_covers(tmp_path, data):
    points = cv2.ellipse2Poly((15, 12), (9, 7), 0, 0, 360, 10)
    data["annotations"] = [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [points.ravel().tolist()]}]
    filled = cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.uint8), [points], 1)
    found = masks(write(tmp_path, data))[0]
    assert (found & filled).sum() / (found | filled).sum() > 0.85  # COCO leaves out what a polygon half covers


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.pop("annotations"), "JSON without 'annotations'"),
        (lambda data: data["images"].clear(), "no images"),
        (lambda data: data["images"][1].pop("height"), "an entry of images without a proper height"),
        (lambda data: data["images"][1].update(file_name=7), "images without a proper file_name"),
        (lambda data: data["annotations"][0].pop("segmentation"), "annotations without a proper segmentation"),
        (lambda data: data["images"].append("text"), "no COCO instances"),
        (lambda data: data["images"][2].update(file_name="4.jpg"), "1 images that are not in .*4.jpg"),
        (lambda data: data["images"][2].update(file_name="4" * 10_000 + ".jpg"), "1 images that are not in .*444…"),
        (lambda data: data["images"][2].update(width=33), "1 images of another size than the file says .*32×24"),
        (lambda data: data["images"][2].update(file_name="../3 ü.jpg"), "lead out of the folder"),
        (lambda data: data["annotations"][3]["segmentation"].update(counts="~~zz"), "annotation 12 of 2 ü.jpg"),
        (
            lambda data: data["annotations"][1]["segmentation"]["counts"].pop(),
            "annotation 10 .* cover .* of 768 pixels",
        ),
        (lambda data: data["annotations"][3]["segmentation"].update(size=[5, 5]), "annotation 12 of 2 ü.jpg"),
        (lambda data: data["annotations"][0].update(segmentation=[["a"] * 6]), "annotation 9 of 1 ü.jpg"),
    ],
    ids=range(14),
)
def test_what_is_wrong_is_named(tmp_path, data, change, words):
    change(data)
    with pytest.raises(l4f.UserError, match=words):
        masks(write(tmp_path, data))


def test_no_json_and_unknown_categories(tmp_path, data):
    path = write(tmp_path, data)
    with pytest.raises(l4f.UserError, match="categories: got horse; expected of: cat, dog"):
        masks(path, categories="cat,horse")
    with pytest.raises(l4f.UserError, match="--foreground-values"):
        masks(path, foreground_values="1")
    path.write_text("{")
    with pytest.raises(l4f.UserError, match="no JSON"):
        masks(path)
