"""Detectors with masks of both layouts: what they find, what counts of it, and files that are none."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from l4f_datagen.errors import UserError
from l4f_datagen.instances.detector import open_detector
from l4f_datagen.instances.layouts import layout_of
from l4f_datagen.settings.evaluate import SegmentingSettings
from tests.detectors import SIDE, lists, picture, yolo

pytest.importorskip("onnx")
CPU = torch.device("cpu")
NAMES = {"names": "{0: 'rose', 1: 'leaf', 2: 'sky'}", "imgsz": f"[{SIDE}, {SIDE}]"}
LAYOUTS = {
    "torchvision": lambda path: lists(path),
    "torchvision, numbers for names": lambda path: lists(path, names=("31", "32", "33", "34")),
    "torchvision, one image": lambda path: lists(path, shape=(3, "h", "w")),
    "YOLO": lambda path: yolo(path, metadata=NAMES),
    "YOLO after its suppression": lambda path: yolo(path, suppressed=True, metadata=NAMES),
}


def opened(path, **values):
    return open_detector(path, SegmentingSettings(**values), CPU)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_objects_are_instances_however_near(tmp_path, layout):
    LAYOUTS[layout](tmp_path / "d.onnx")
    detector = opened(tmp_path / "d.onnx")
    reasons = [
        detector.find(picture(*colours), "").reason(0.01)
        for colours in ((), ("red",), ("red", "green"), ("blue",), ("red", "green", "blue"))
    ]
    assert reasons == ["no object", None, "several objects", None, "several objects"]
    two = detector.find(picture("red", "green"), "")
    wanted = picture("red", "green")
    np.testing.assert_array_equal(two.masks, [wanted[..., 0] > 128, wanted[..., 1] > 128])  # the higher score first
    np.testing.assert_array_equal(two.union, wanted.max(2) > 128)
    # A quarter of the image's side is a sixteenth of its pixels: too little for an object, then.
    assert detector.find(wanted, "").reason(0.2) == "no object"
    dim = (picture("red") * 0.4).astype(np.uint8)
    assert detector.find(dim, "").reason(0.01) == "below the score"
    assert opened(tmp_path / "d.onnx", reference_score=0.3, reference_threshold=0.25).find(dim, "").reason(0.01) is None


@pytest.mark.parametrize(
    ("layout", "classes"),
    [("torchvision", "2"), ("YOLO", "leaf"), ("YOLO", "1"), ("YOLO after its suppression", "leaf, 1")],
)
def test_classes_by_name_or_number(tmp_path, layout, classes):
    LAYOUTS[layout](tmp_path / "d.onnx")
    detector = opened(tmp_path / "d.onnx", reference_classes=classes)
    found = detector.find(picture("red", "green", "blue"), "")
    np.testing.assert_array_equal(found.masks, [picture("green")[..., 1] > 128])


def test_images_of_any_size(tmp_path):
    """A YOLO is asked at its own size, and its masks come back at the image's."""
    image = picture("red", "green", size=64)
    for make in (lists, yolo):
        make(tmp_path / "d.onnx")
        found = opened(tmp_path / "d.onnx").find(image, "")
        assert found.masks.shape == (2, 64, 64) and (found.union == (image.max(2) > 128)).mean() > 0.9


@pytest.mark.parametrize(
    ("rows", "side", "known"),
    [
        ((116, 8400), 640, True),  # YOLOv8 and later, 80 classes
        ((300, 38), 640, True),  # after their suppression
        ((116, 84), 64, True),  # of few pixels there are fewer detections than numbers of each
        ((37, 8400), 640, True),  # one class
        ((25200, 117), 640, False),  # YOLOv5, whose detections have a score of their own too
        ((25200, 38), 640, False),  # and with one class
        ((84, 8400), 640, False),  # of no map's size
    ],
)
def test_shapes_of_yolos_answers(rows, side, known):
    outputs = [
        SimpleNamespace(name=name, type="tensor(float)", shape=[1] * axes) for name, axes in (("a", 3), ("b", 4))
    ]
    answers = [np.zeros((1, *rows), np.float32), np.zeros((1, 32 if rows[0] != 84 else 96, 4, 4), np.float32)]
    layout = layout_of(outputs)
    if known:
        assert len(layout.read(answers, (side, side), "m", least=0.05).scores) == 0
    else:
        with pytest.raises(UserError, match="not those of YOLOv8 or later"):
            layout.read(answers, (side, side), "m", least=0.05)


def classifier(path):
    from tests.evaluation.test_references import TWO, model, node

    return model(path, *TWO, extra=[node("GlobalMaxPool")])


def segmenter(path):
    from tests.evaluation.test_references import TWO, model

    return model(path, *TWO)


@pytest.mark.parametrize(
    ("make", "flags", "told"),
    [
        (classifier, {}, "outputs answer.*torchvision.*YOLO.*export a detector with masks"),
        (segmenter, {}, "outputs scores.*export a detector with masks"),
        (lambda path: lists(path, masks=False), {}, "a model with the outputs boxes .* labels .* scores"),
        (lambda path: lists(path, shape=(1, 4, "h", "w")), {}, "expected three channels"),
        (lambda path: lists(path, shape=(2, 3, "h", "w")), {}, "an input of 2 images.*batch of 1"),
        (lambda path: lists(path, side=8), {}, "masks of 8×8 pixels for an input of 16×16"),
        (lambda path: lists(path, gain=9.0), {}, "scores from .*expected scores in"),
        (lambda path: yolo(path, rows=7), {}, "outputs of .*which are not those of YOLOv8 or later"),
        (lambda path: lists(path), {"reference_classes": "cat"}, "'cat', no class of .*the file names no classes"),
        (lambda path: yolo(path, metadata=NAMES), {"reference_classes": "cat"}, "expected of 0 rose, 1 leaf, 2 sky"),
        (lambda path: yolo(path, metadata=NAMES), {"reference_classes": "7"}, "'7', no class of"),
        (lambda path: path.write_bytes(b"nothing"), {}, "onnxruntime cannot load"),
        (lambda path: None, {}, "no such file"),
    ],
)
def test_what_is_no_detector_says_why(tmp_path, make, flags, told):
    make(tmp_path / "d.onnx")
    with pytest.raises(UserError, match=told):
        opened(tmp_path / "d.onnx", **flags).find(picture("red"), "")


@pytest.mark.parametrize("score", ["-0.1", "1.1", "nan", "high"])
def test_a_score_is_within_0_and_1(score):
    with pytest.raises(UserError, match="reference_score"):
        SegmentingSettings(reference_score=score)
