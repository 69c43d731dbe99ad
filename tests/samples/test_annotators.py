"""Masks that come back from Label Studio and CVAT, in all the forms that these export."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.making.importing import open_source
from l4f_datagen.run_lengths import of_brushes
from l4f_datagen.settings import ImportSettings

HEIGHT, WIDTH = 16, 24
NAMES = ("000000003.jpg", "000000007.jpg", "000000009.jpg")
EMPTY = np.zeros((HEIGHT, WIDTH), np.uint8)


def box(x: int, y: int, wide: int, high: int) -> np.ndarray:
    mask = EMPTY.copy()
    mask[y : y + high, x : x + wide] = 1
    return mask


RING = np.where(box(10, 8, 2, 2) == 1, 255, box(4, 2, 8, 10))
TRUTH = (box(2, 3, 6, 5) | box(12, 3, 4, 4), RING, EMPTY)
"""Two regions, one of them a polygon; foreground and ignored pixels; nothing."""


def images(folder: Path, names: tuple[str, ...] = NAMES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", (WIDTH, HEIGHT), (number, 9, 9)).save(folder / name)


def brush(region: np.ndarray, label: str = "boat", **more) -> dict:
    value = {"format": "rle", "rle": of_brushes.encode(region), "brushlabels": [label]}
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return {"id": "x", "from_name": "mask", "to_name": "image", "type": "brushlabels", "value": value, **size, **more}


def polygon(label: str = "boat") -> dict:
    points = [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in ((12, 3), (16, 3), (16, 7), (12, 7))]
    value = {"points": points, "closed": True, "polygonlabels": [label]}
    return {**brush(EMPTY == 1), "type": "polygonlabels", "value": value}


RESULTS = (
    [brush(box(2, 3, 6, 5) == 1), polygon()],
    [brush(RING == 1), brush(RING == 255, "ignored")],
    [],
)


def tasks(place: str = "/data/local-files/?d=images/{}") -> list[dict]:
    return [
        {
            "id": 40 + number,
            "data": {"image": place.format(name), "key": name[:9], "decisiveness": 0.5},
            "annotations": [{"id": number, "result": result, "updated_at": "2026-01-01T00:00:00Z"}],
            "predictions": [{"id": 7, "result": [brush(EMPTY == 0)]}],
        }
        for number, (name, result) in enumerate(zip(NAMES, copy.deepcopy(RESULTS), strict=True))
    ]


def small_tasks() -> list[dict]:
    """JSON-MIN: regions lie beside the data."""
    found = []
    for task in tasks():
        regions = []
        for result in task["annotations"][0]["result"]:
            regions.append({**result["value"], "original_width": WIDTH, "original_height": HEIGHT})
        entry = {"id": task["id"], **task["data"], "annotator": 1, "annotation_id": 5, "updated_at": "2026"}
        found.append(entry | ({"mask": regions} if regions else {}))
    return found


def written(folder: Path, data: object, name: str = "export.json") -> Path:
    images(folder / "images")
    (folder / name).write_text(json.dumps(data))
    return folder / name


def uploaded(folder: Path) -> Path:
    """Images that were uploaded, so that Label Studio gave them another name."""
    return written(folder, tasks("/data/upload/3/0a1b2c3d-{}"))


def in_a_bucket(folder: Path) -> Path:
    return written(folder, tasks("s3://bucket/some/images/{}"))


def runs(region: np.ndarray) -> str:
    """CVAT's: within the smallest box."""
    ys, xs = np.nonzero(region)
    left, top, wide, high = xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1
    flat = region[top : top + high, left : left + wide].ravel()
    changes = np.flatnonzero(np.diff(np.append(False, flat).astype(int)))
    lengths = np.diff([0, *changes.tolist(), flat.size])
    rle = ", ".join(map(str, lengths))
    return f'rle="{rle}" left="{left}" top="{top}" width="{wide}" height="{high}"'


XML = f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>3</id><labels><label><name>boat</name></label></labels></task></meta>
  <image id="0" name="{NAMES[0]}" width="{WIDTH}" height="{HEIGHT}">
    <mask label="boat" source="manual" occluded="0" {runs(box(2, 3, 6, 5) == 1)} z_order="0"></mask>
    <polygon label="boat" source="manual" occluded="0" points="12.0,3.0;16.0,3.0;16.0,7.0;12.0,7.0" z_order="0">
      <attribute name="quality">good</attribute>
    </polygon>
  </image>
  <image id="1" name="below/{NAMES[1]}" width="{WIDTH}" height="{HEIGHT}">
    <mask label="boat" {runs(RING == 1)}></mask>
    <mask label="ignored" {runs(RING == 255)}></mask>
  </image>
  <image id="2" name="{NAMES[2]}" width="{WIDTH}" height="{HEIGHT}">
  </image>
</annotations>
"""


def cvat(folder: Path) -> Path:
    images(folder / "images")
    (folder / "annotations.xml").write_text(XML)
    return folder


def coco_of_cvat(folder: Path) -> Path:
    """As Datumaro and CVAT write COCO: masks are crowds with run lengths as lists, polygons are not."""
    images(folder / "images" / "default")

    def counts(region: np.ndarray) -> dict:
        flat = region.ravel(order="F")
        changes = np.flatnonzero(np.diff(np.append(False, flat).astype(int)))
        return {"counts": np.diff([0, *changes.tolist(), flat.size]).tolist(), "size": [HEIGHT, WIDTH]}

    regions = [
        (1, 1, counts(box(2, 3, 6, 5) == 1), 1), (1, 1, [[12, 3, 16, 3, 16, 7, 12, 7]], 0),
        (2, 1, counts(RING == 1), 1), (2, 2, counts(RING == 255), 1),
    ]  # fmt: skip
    data = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "description": ""},
        "categories": [{"id": 1, "name": "boat"}, {"id": 2, "name": "ignored"}, {"id": 3, "name": "background"}],
        "images": [{"id": n, "file_name": f, "width": WIDTH, "height": HEIGHT} for n, f in enumerate(NAMES, 1)],
        "annotations": [
            {"id": k, "image_id": image, "category_id": category, "segmentation": segmentation, "iscrowd": crowd}
            for k, (image, category, segmentation, crowd) in enumerate(regions)
        ],
    }
    path = folder / "annotations" / "instances_default.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(data))
    return folder


FORMS: dict[str, Callable[[Path], Path]] = {
    "Label Studio, JSON": lambda folder: written(folder, tasks()),
    "Label Studio, JSON-MIN": lambda folder: written(folder, small_tasks()),
    "Label Studio, uploaded": uploaded,
    "Label Studio, in a bucket": in_a_bucket,
    "CVAT for images": cvat,
    "COCO of CVAT": coco_of_cvat,
}


def opened(place: Path, **settings):
    return open_source(ImportSettings(source=str(place), **settings))


@pytest.mark.parametrize("form", FORMS)
def test_masks_come_back(form, tmp_path):
    found = opened(FORMS[form](tmp_path))
    assert [key.rpartition("/")[2].removeprefix("0a1b2c3d-") for key in found.keys] == [name[:9] for name in NAMES]
    for index, truth in enumerate(TRUTH):
        np.testing.assert_array_equal(found.mask(index), truth)
        assert found.picture(index).image.shape == (HEIGHT, WIDTH, 3)
    assert found.ignores and "boat" in found.foreground and "ignored" not in found.foreground
    assert any("1 of 3 images have no annotation" in note for note in found.notes)
    with pytest.raises(l4f.UserError, match="categories: got dog"):
        opened(FORMS[form](tmp_path / "again"), categories="dog")
    with pytest.raises(l4f.UserError, match="--foreground-values"):
        opened(FORMS[form](tmp_path / "values"), foreground_values="1")


def test_the_last_annotation_counts_and_what_nobody_annotated_is_left_out(tmp_path):
    data = tasks()
    older = {"id": 99, "result": [brush(EMPTY == 0)], "updated_at": "2025-01-01T00:00:00Z"}
    cancelled = {"id": 100, "result": [brush(EMPTY == 0)], "updated_at": "2027", "was_cancelled": True}
    data[0]["annotations"] += [older, cancelled]
    data[2]["annotations"] = []
    found = opened(written(tmp_path, data))
    assert len(found) == 2
    np.testing.assert_array_equal(found.mask(0), TRUTH[0])
    assert "1 tasks were annotated more than once" in " ".join(found.notes)
    assert "left out 1 of 3 tasks, which nobody annotated" in found.notes
    for task in data:
        task["annotations"] = []
    found = opened(written(tmp_path, data))
    assert found.mask(2).all() and "no task is annotated" in found.notes[0]


def test_shapes_that_are_no_masks_are_counted(tmp_path):
    data = tasks()
    rectangle = {**brush(EMPTY == 1), "type": "rectanglelabels", "value": {"x": 1, "y": 1, "rectanglelabels": ["boat"]}}
    choice = {"id": "y", "type": "choices", "from_name": "q", "to_name": "image", "value": {"choices": ["good"]}}
    data[0]["annotations"][0]["result"] += [rectangle, choice]
    found = opened(written(tmp_path, data))
    np.testing.assert_array_equal(found.mask(0), TRUTH[0])
    assert "left out regions that are no masks (rectanglelabels 1)" in found.notes
    images(tmp_path / "c" / "images")
    (tmp_path / "c" / "x.xml").write_text(XML.replace("  </image>", '  <box label="boat" xtl="1"/></image>', 1))
    assert "left out shapes that are no masks (box 1)" in opened(tmp_path / "c" / "x.xml").notes


def test_a_label_beside_the_brush(tmp_path):
    """The tags Brush and Labels: two results of one region."""
    data = tasks()
    for task in data:
        for number, result in enumerate(task["annotations"][0]["result"]):
            result["id"] = f"r{number}"
            key = next(key for key in result["value"] if key.endswith("labels"))
            label = {**result, "type": "labels", "value": {"labels": result["value"].pop(key)}}
            task["annotations"][0]["result"] = [*task["annotations"][0]["result"], label]
            result["type"] = key.removesuffix("labels")
    found = opened(written(tmp_path, data))
    for index, truth in enumerate(TRUTH):
        np.testing.assert_array_equal(found.mask(index), truth)


def turned(data: list[dict]) -> None:
    data[0]["annotations"][0]["result"][0]["image_rotation"] = 90


def cut(data: list[dict]) -> None:
    data[0]["annotations"][0]["result"][0]["value"]["rle"].pop(10)


def far(data: list[dict]) -> None:
    data[0]["annotations"][0]["result"][1]["value"]["points"][0] = [1e12, 3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (turned, "region 1 of 000000003.jpg: got a picture that was turned by 90 degrees"),
        (cut, "region 1 of 000000003.jpg"),
        (far, "region 2 of 000000003.jpg: got polygon 0 with coordinates"),
        (lambda data: data[1]["data"].update(image="nothing"), "a task with 0 names of pictures"),
        (lambda data: data[1].pop("data"), "tasks of both forms"),
        (lambda data: data[1].update(annotations=[3]), "no tasks"),
        (lambda data: data.append("text"), "a task that is no object"),
        (lambda data: data.clear(), "no annotated task"),
        (lambda data: data[0]["data"].update(image="x/gone.jpg"), "no folder that holds x/gone.jpg"),
        (lambda data: data[1]["data"].update(image="images/gone.jpg"), "1 images that are not in"),
        (lambda data: data[0]["annotations"][0]["result"][0]["value"].update(brushlabels=["a", "b"]), "expected one"),
        (
            lambda data: [one.update(original_width=9) for one in data[0]["annotations"][0]["result"]],
            "1 images of another size than the file says",
        ),
    ],
    ids=range(12),
)
def test_what_is_wrong_in_tasks_is_named(tmp_path, change, words):
    data = tasks()
    change(data)
    with pytest.raises(l4f.UserError, match=words):
        found = opened(written(tmp_path, data))
        for index in range(len(found)):
            found.mask(index)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<annotations>", "<annotations", "no such file"),
        ("<annotations>", "<!DOCTYPE a [<!ENTITY b 'c'>]><annotations>", "definitions of its own"),
        ("<version>1.1</version>", "<track id='0'/>", "tracks of a video"),
        ('width="24" height="16"', 'height="16"', "'width'"),
        ('width="24" height="16"', 'width="0" height="16"', "an image of"),
        ('left="2"', 'left="22"', "mask 1 of 000000003.jpg"),
        ('rle="', 'rle="a, ', "mask 1 of 000000003.jpg"),
        ("12.0,3.0;", "12.0;", "polygon 2 of 000000003.jpg"),
        ('points="', 'points="x,1;', "polygon 2 of 000000003.jpg"),
        ("<image ", "<picture ", "no such file"),
    ],
)
def test_what_is_wrong_in_xml_is_named(tmp_path, old, new, words):
    images(tmp_path / "images")
    (tmp_path / "annotations.xml").write_text(XML.replace(old, new, 1))
    with pytest.raises(l4f.UserError, match=words):
        found = opened(tmp_path)
        for index in range(len(found)):
            found.mask(index)
