"""What a detector wrote elsewhere, matched to samples by name."""

import json

import numpy as np
import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.instances.listed import ListedInstances
from l4f_datagen.run_lengths import of_coco
from l4f_datagen.settings.evaluate import SegmentingSettings
from tests.detectors import picture

pytest.importorskip("pycocotools")
IMAGE = picture("red", "green")
KEYS = [f"{number:09d}" for number in range(4)]


def entry(image, colour=0, *, score=0.9, category=1, polygon=False, **more):
    """A detection of what is red (0) or green (1) in ``IMAGE``."""
    mask = IMAGE[..., colour] > 128
    segmentation = of_coco.encode(mask)["segmentation"]
    if polygon:
        y, x = np.nonzero(mask)
        left, top, right, bottom = (int(n) for n in (x.min(), y.min(), x.max() + 1, y.max() + 1))
        segmentation = [[left, top, right, top, right, bottom, left, bottom]]
    return {"image_id": image, "category_id": category, "score": score, "segmentation": segmentation, **more}


ENTRIES = [  # of four samples: two objects, one, one that is unsure, and none
    entry(0, 0), entry(0, 1, polygon=True), entry(1, 1, category=2), entry(1, 1, score=0.8), entry(2, 0, score=0.3),
]  # fmt: skip
REASONS = ["several objects", None, "below the score", "no object"]


def named(entries, form):
    return [one | {"image_id": form(one["image_id"])} for one in entries]


def coco(entries, form, *, detections=False):
    """A COCO file, whose images are numbered from 1; without scores unless they are ``detections``."""
    images = [{"id": n + 1, "file_name": form(n), "width": 16, "height": 16} for n in range(4)]
    listed = [one | {"image_id": one["image_id"] + 1, "id": n + 1} for n, one in enumerate(entries)]
    if not detections:
        listed = [{k: v for k, v in one.items() if k != "score"} for one in listed]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    return {"images": images, "annotations": listed, "categories": categories}


def opened(folder, content, **values):
    (folder / "boxes.json").write_text(json.dumps(content))
    return ListedInstances(folder / "boxes.json", SegmentingSettings(**values))


def reasons(reference, keys=KEYS):
    reference.check(keys)
    return [reference.find(IMAGE, key).reason(0.01) for key in keys]


@pytest.mark.parametrize("prefix", ["", "psi0.7/"])
@pytest.mark.parametrize("form", ["{:09d}", "{:09d}.png", "images/psi0.7/{:09d}.jpg", "C:/photos/psi0.7/{:09d}.png"])
def test_names_of_files_are_keys(tmp_path, form, prefix):
    keys = [prefix + key for key in KEYS]
    reference = opened(tmp_path, named(ENTRIES, form.format))
    assert reasons(reference, keys) == REASONS
    assert "has no entry for 1 of 4 samples: nothing was found there" in reference.notes[0]
    whole = opened(tmp_path, coco(ENTRIES, form.format, detections=True))
    assert reasons(whole, keys) == REASONS and whole.notes == ()
    assert [one.shape for one in (whole.find(IMAGE, keys[0]).masks, whole.find(IMAGE, keys[1]).masks)] == [
        (2, 16, 16), (1, 16, 16),  # of a thing that was detected twice, one
    ]  # fmt: skip


def test_numbers_of_images_are_told_by_the_file_that_the_detector_read(tmp_path):
    """As Detectron2 writes them: a list of detections with the numbers of a COCO file."""
    (tmp_path / "images.json").write_text(json.dumps(coco([], "{:09d}.jpg".format)))
    entries = named(ENTRIES, lambda n: n + 1)
    assert reasons(opened(tmp_path, entries, reference_images=str(tmp_path / "images.json"))) == REASONS
    assert reasons(opened(tmp_path, ENTRIES, reference_images="index")) == REASONS
    with pytest.raises(UserError, match="numbers of images, 0 say.*--reference-images FILE.*index"):
        opened(tmp_path, ENTRIES)


@pytest.mark.parametrize(("classes", "expected"), [("1", "several objects"), ("2", "no object"), ("dog", "no object")])
def test_classes_and_scores_that_count(tmp_path, classes, expected):
    content = coco(ENTRIES, "{:09d}.jpg".format, detections=True)
    found = reasons(opened(tmp_path, content, reference_classes=classes))
    assert found[0] == expected and found[1] is None
    assert reasons(opened(tmp_path, content, reference_score=0.2))[2] is None
    assert reasons(opened(tmp_path, content, reference_score=0.95)) == ["below the score"] * 3 + ["no object"]
    truth = coco(ENTRIES, "{:09d}.jpg".format)  # annotations have no score: they are sure
    assert reasons(opened(tmp_path, truth))[2] is None
    crowd = coco([entry(3, iscrowd=1)], "{:09d}.jpg".format)
    assert reasons(opened(tmp_path, crowd)) == ["no object"] * 3 + ["several objects"]


def test_what_lists_other_images_is_left_out_and_told(tmp_path):
    reference = opened(tmp_path, named([*ENTRIES, entry(7)], "{:09d}".format))
    assert reasons(reference) == REASONS and "left out 1 images that are not among the samples" in reference.notes[1]


@pytest.mark.parametrize(
    ("content", "flags", "told"),
    [
        (named(ENTRIES, "other-{:d}.png".format), {}, r"nothing about 4 of 4 samples \(000000000, .*it is of other-0"),
        ([], {}, "nothing about 4 of 4 samples"),
        (coco([], "{:09d}.jpg".format) | {"images": [{"id": 1, "file_name": KEYS[0]}]}, {}, "nothing about 3 of 4"),
        (coco([entry(8)], "{:09d}.jpg".format), {}, "a detection of image 9, which no entry of images has"),
        (named(ENTRIES, "{:09d}".format), {"reference_classes": "cat"}, "'cat', no class of .*expected of 1, 2"),
        (coco(ENTRIES, "{:09d}".format), {"reference_classes": "horse"}, "expected of 1 cat, 2 dog"),
        ([entry(KEYS[0], score=1.5)], {}, r"entry 0: got the score 1.5, which is not in \[0, 1\]"),
        ([entry(KEYS[0]) | {"score": "high"}], {}, "the score 'high'"),
        ([entry(KEYS[0], segmentation=None)], {}, "a box without a mask"),
        ([entry(KEYS[0], category="cat")], {}, "category_id 'cat'"),
        ([entry(None)], {}, "image_id"),
        ([entry(KEYS[0], segmentation={"size": [8, 8], "counts": [64]})], {}, "expected a mask of the sample's 16×16"),
        ([entry(KEYS[0], segmentation=[["a", 1, 2, 3, 4, 5]])], {}, "a detection in 000000000"),
        ([1, 2], {}, "JSON of something else"),
        ({"shapes": []}, {}, "JSON of something else"),
        (coco([], "{:09d}".format) | {"images": []}, {}, "no images"),
        (coco([], "{:09d}".format) | {"images": [{"id": 1}]}, {}, "images with id and file_name"),
        (coco([], "{:09d}".format) | {"categories": [{"id": 1}]}, {}, "categories with id and name"),
    ],
)
def test_files_that_do_not_fit(tmp_path, content, flags, told):
    with pytest.raises(UserError, match=told):
        reasons(opened(tmp_path, content, **flags))


def test_a_name_that_several_images_have_is_nobodys(tmp_path):
    entries = [entry(f"{folder}/{KEYS[0]}.png") for folder in ("a", "b")]
    with pytest.raises(UserError, match="nothing about 4 of 4 samples"):
        reasons(opened(tmp_path, entries))
    assert reasons(opened(tmp_path, entries), [f"a/{KEYS[0]}"]) == [None]
