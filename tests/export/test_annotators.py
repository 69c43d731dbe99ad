"""What annotators' programs are given: Label Studio's tasks; COCO and VOC as CVAT and Datumaro have them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.export.run import export
from l4f_datagen.run_lengths import of_brushes
from l4f_datagen.settings import ExportSettings


def exported(source: Path, out: Path, form: str, **settings) -> Path:
    export(ExportSettings(format=form, **settings), source, out)
    return out


def drawn(result: dict) -> np.ndarray:
    return of_brushes.decode(result["value"]["rle"], result["original_height"], result["original_width"])


def test_tasks_have_masks_as_predictions(tmp_path, difficult):
    out = exported(difficult, tmp_path / "s", "label-studio", split="0.5/0.5", class_name='a "boat" & more')
    expected = {sample.key: sample for sample in l4f.open_dataset(difficult)}
    interface = ElementTree.parse(out / "labelling.xml").getroot()
    (image,), (brushes,) = interface.findall("Image"), interface.findall("BrushLabels")
    labels = [label.get("value") for label in brushes]
    assert labels == ['a "boat" & more', "ignored"] and image.get("value") == "$image"
    for name in ("train", "val"):
        for task in json.loads((out / f"tasks_{name}.json").read_text()):
            sample = expected.pop(task["data"]["key"])
            place = f"images/{name}/{sample.key}.jpg"
            assert task["data"]["image"] == f"/data/local-files/?d={place}" and (out / place).is_file()
            assert task["data"]["decisiveness"] == sample.metadata["decisiveness"]
            (prediction,) = task["predictions"]
            assert prediction["model_version"].startswith("l4f-datagen ")
            mask = np.zeros_like(sample.mask)
            for result in prediction["result"]:
                assert (result["from_name"], result["to_name"]) == (brushes.get("name"), image.get("name"))
                assert result["type"] == "brushlabels" and result["value"]["format"] == "rle"
                mask[drawn(result)] = {labels[0]: 1, "ignored": 255}[result["value"]["brushlabels"][0]]
            np.testing.assert_array_equal(mask, sample.mask)
    assert not expected


def test_images_that_lie_elsewhere(tmp_path, generated):
    out = exported(generated, tmp_path / "s", "label-studio", image_prefix="s3://bucket/ü/")
    task = json.loads((out / "tasks_train.json").read_text())[0]
    assert task["data"]["image"] == "s3://bucket/ü/images/train/000000000.jpg"
    with pytest.raises(l4f.UserError, match="image-prefix: got one for coco"):
        export(ExportSettings(format="coco", image_prefix="x"), generated, tmp_path / "c")


@pytest.mark.parametrize(
    ("form", "name"), [("label-studio", "ignored"), ("voc", "ignored"), ("voc", "background"), ("voc", "a:b"),
                       ("voc", "#a"), ("voc", " a")],
)  # fmt: skip
def test_names_that_a_format_cannot_hold(tmp_path, generated, form, name):
    with pytest.raises(l4f.UserError, match="class-name"):
        export(ExportSettings(format=form, class_name=name), generated, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [" ", "\t", "\N{NO-BREAK SPACE}", "a\nb", "a\x1b[1m"])
def test_names_that_are_none(name):
    with pytest.raises(l4f.UserError, match="a name of one line"):
        ExportSettings(format="coco", class_name=name)


@pytest.mark.parametrize("form", ["folder", "hf-parquet"])
def test_formats_that_name_no_class_say_so(tmp_path, generated, form):
    with pytest.raises(l4f.UserError, match="--class-name: got cat, which has no effect"):
        export(ExportSettings(format=form, class_name="cat"), generated, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("source", "labels"), [("generated", ["background", "big boat"]),
                                                ("difficult", ["background", "big boat", "ignored"])])  # fmt: skip
def test_cvat_s_layouts(request, tmp_path, source, labels):
    source = request.getfixturevalue(source)
    coco = exported(source, tmp_path / "c", "coco", image_set="default", class_name="big boat")
    data = json.loads((coco / "annotations" / "instances_default.json").read_text())
    assert [category["name"] for category in data["categories"]] == ["big boat"]
    for entry in data["images"]:
        assert (coco / "images" / "default" / entry["file_name"]).is_file()
    voc = exported(source, tmp_path / "v", "voc", image_set="default", class_name="big boat")
    keys = (voc / "ImageSets" / "Segmentation" / "default.txt").read_text().split()
    assert [path.name for path in (voc / "ImageSets" / "Segmentation").iterdir()] == ["default.txt"]
    lines = [line.split(":") for line in (voc / "labelmap.txt").read_text().splitlines()[1:]]
    assert [line[0] for line in lines] == labels and all(line[2:] == ["", ""] for line in lines)
    colours = {tuple(map(int, line[1].split(","))): index for line, index in zip(lines, (0, 1, 255))}
    for key in keys:
        assert (voc / "JPEGImages" / f"{key}.jpg").is_file()
        for folder in ("SegmentationClass", "SegmentationObject"):
            with Image.open(voc / folder / f"{key}.png") as image:
                shown, indices = np.asarray(image.convert("RGB")), np.asarray(image)
            for colour, index in colours.items():
                np.testing.assert_array_equal((shown == colour).all(-1), indices == index)


def test_what_cvat_makes_of_crowds_is_told(tmp_path, difficult, generated):
    (note,) = export(ExportSettings(format="coco"), difficult, tmp_path / "a").notes
    assert "in 2 samples ignored pixels are crowds" in note
    assert not export(ExportSettings(format="coco"), generated, tmp_path / "b").notes
