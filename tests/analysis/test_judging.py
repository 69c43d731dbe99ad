"""A data set that is there, judged by a reference that gives instances: counts, and a list of what it rejects."""

import json

import cv2
import numpy as np
import pytest

import l4f_datagen as l4f
from l4f_datagen import worlds
from l4f_datagen.analysis.judging import judge
from l4f_datagen.cli import main
from l4f_datagen.instances.found import Found
from l4f_datagen.making.render import render
from l4f_datagen.run_lengths import of_coco
from l4f_datagen.settings import RenderSettings
from l4f_datagen.settings.reject_list import RejectList
from l4f_datagen.shards.reader import open_dataset
from tests.detectors import lists

N = 12


@pytest.fixture(scope="module")
def gardens(tmp_path_factory):
    """Pictures with one thing or several, some of which touch."""
    folder = tmp_path_factory.mktemp("gardens") / "s"
    render(RenderSettings(world="garden", n=N, size=32, samples_per_shard=8), folder)
    return folder


class Truth:
    """The world's own count of what it drew: the exact reference."""

    name, notes = "the world", ()

    def check(self, keys):
        assert list(keys) == [f"{index:09d}" for index in range(N)]

    def find(self, image, key):
        count = instances(int(key))
        masks = np.zeros((count, *image.shape[:2]), bool)
        masks[np.arange(count), np.arange(count)] = True  # a row of pixels each: they touch
        return Found(masks=masks)


def instances(index: int) -> int:
    picture = worlds.split("train", N)[index]
    return worlds.render("garden", seed=0, index=picture, size=32).instances


def test_a_world_says_how_many_there_are(gardens):
    several = [f"{index:09d} 0" for index in range(N) if instances(index) > 1]
    assert 0 < len(several) < N
    found = judge(open_dataset(gardens), Truth(), area=0.01, without=RejectList(()))
    assert found.counts == {"kept": N - len(several), "several objects": len(several)} and found.entries == several
    left = judge(open_dataset(gardens), Truth(), area=0.01, without=RejectList(several[:1]))
    assert left.entries == several[1:] and left.kept == found.kept


def listed(dataset, folder):
    """A list of detections, made elsewhere: the first sample has two objects, the last one none."""
    entries = []
    for sample in l4f.open_dataset(dataset):
        left, right = np.hsplit((sample.mask == 1).astype(np.uint8), 2)
        halves = [np.hstack([left, right * 0]), np.hstack([left * 0, right])]
        masks = halves if int(sample.key) == 0 else [sample.mask == 1] if int(sample.key) < N - 1 else []
        entries += [
            {"image_id": f"{sample.key}.jpg", "category_id": 1, "score": 0.8, **of_coco.encode(mask)}
            for mask in masks
        ]  # fmt: skip
    (folder / "boxes.json").write_text(json.dumps(entries))
    return str(folder / "boxes.json")


def test_a_list_made_elsewhere_becomes_a_list_of_rejected_samples(gardens, tmp_path, capsys):
    pytest.importorskip("pycocotools")
    boxes, rejected = listed(gardens, tmp_path), tmp_path / "rejected.txt"
    words = ["stats", str(gardens), "--reference", boxes, "--save-list", str(rejected), "--object-area", "0.0001"]
    assert main([*words, "--json-file", str(tmp_path / "s.json")]) == 0
    counts = json.loads((tmp_path / "s.json").read_text())["reference"]
    assert counts == {"kept": N - 2, "no object": 1, "several objects": 1}
    assert rejected.read_text() == f"000000000 0\n{N - 1:09d} 0\n"
    told = capsys.readouterr()
    assert f"of {N} samples: {N - 2} kept, 1 no object, 1 several objects" in told.out
    assert "has no entry for 1 of 12 samples" in told.err
    exported = str(tmp_path / "exported")
    assert main(["export", str(gardens), "--format", "folder", "--out", exported, "--without", str(rejected)]) == 0
    assert f"{N - 2}" in capsys.readouterr().out
    # The same masks as their own truth: all of it is right where there is one object.
    assert main(["evaluate", "masks", str(gardens), "--reference", boxes, "--object-area", "0.0001", "--resamples", "9",
                 "--json-file", str(tmp_path / "m.json")]) == 0  # fmt: skip
    rows = json.loads((tmp_path / "m.json").read_text())["rows"]
    assert [(row["images"], len(row["per_image"])) for row in rows] == [(N - 2, N - 2), (N, 0)]
    assert rows[0]["miou"] == 1.0 > rows[1]["miou"]


def test_masks_against_a_detector_take_its_union(gardens, tmp_path, capsys):
    pytest.importorskip("onnx")
    detector = lists(tmp_path / "d.onnx")
    flags = ["--reference", detector, "--reference-classes", "1", "--object-area", "0.0001", "--resamples", "9"]
    assert main(["evaluate", "masks", str(gardens), *flags, "--json-file", str(tmp_path / "m.json")]) == 0
    everything = json.loads((tmp_path / "m.json").read_text())["rows"][1]
    overlap, union = 0, 0
    for sample in l4f.open_dataset(gardens):
        red = sample.image[..., 0] / np.float32(255) >= 0.5
        red &= bool(red.any())
        overlap, union = overlap + (red & (sample.mask == 1)).sum(), union + (red | (sample.mask == 1)).sum()
    assert everything["iou_foreground"] == pytest.approx(overlap / union)
    (tmp_path / "masks").mkdir()
    for sample in l4f.open_dataset(gardens):
        cv2.imwrite(str(tmp_path / "masks" / f"{sample.key}.png"), sample.mask * 255)
    assert main(["evaluate", "masks", str(tmp_path / "masks"), *flags]) == 2
    assert "masks without images; expected a data set with images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("stats", "@", "--save-list", "x.txt"), "--save-list: got x.txt, which has no effect here"),
        (("stats", "@", "--reference-score", "0.3"), "--reference-score: got 0.3, which has no effect here"),
        (("stats", "@", "--reference", "x.pth"), "expected a detector with masks, FILE.onnx, or its list"),
        (("stats", "@", "--reference", "x.json"), "x.json"),
        (("stats", "@", "--reference", "!", "--reference-images", "index"), "which sees the images themselves"),
        (("stats", "@", "--reference", "!", "--reference-score", "7"), "less than or equal to 1"),
        (("evaluate", "masks", "@"), "expected either true masks or --reference"),
        (("evaluate", "masks", "@", "@", "--reference", "!"), "expected either true masks or --reference"),
        (("evaluate", "masks", "@", "@", "--object-area", "0.1"), "--object-area: got 0.1, which has no effect here"),
        (("evaluate", "masks", "@", "--reference", "!", "--truth-classes", "1"), "which finds its masks itself"),
    ],
)
def test_flags_that_do_not_fit(gardens, tmp_path, capsys, words, told):
    pytest.importorskip("onnx")
    places = {"@": str(gardens), "!": str(tmp_path / "d.onnx")}
    lists(tmp_path / "d.onnx")
    assert main([places.get(word, word) for word in words]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
