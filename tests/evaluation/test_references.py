import sys

import cv2
import numpy as np
import pytest
import torch

from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.evaluation.references import FolderMasker, NetworkMasker, open_masker
from l4f_datagen.settings import EvaluateSegmenterSettings
from tests.evaluation.conftest import red_images

CPU = torch.device("cpu")
KEYS = [str(k) for k in range(6)]


def settings(**values):
    return EvaluateSegmenterSettings(images="world:vessels", **values)


def test_a_native_segmenter(red_segmenter):
    images, masks = red_images()
    masker = open_masker(str(red_segmenter), settings(), CPU)
    assert isinstance(masker, NetworkMasker)
    np.testing.assert_array_equal(masker(images, KEYS), masks)
    other = open_masker(str(red_segmenter), settings(foreground_classes="0"), CPU)
    np.testing.assert_array_equal(other(images, KEYS), 1 - masks)


def test_masks_of_another_program(tmp_path):
    images, masks = red_images()
    for key, mask in zip(KEYS, masks):
        cv2.imwrite(str(tmp_path / f"{key}.png"), mask * 255)
    masker = open_masker(str(tmp_path), settings(), CPU)
    assert isinstance(masker, FolderMasker)
    np.testing.assert_array_equal(masker(images[2:4], KEYS[2:4]), masks[2:4])
    with pytest.raises(UserError, match=r"no mask for 1 of 2 images \(9\)"):
        masker(images[:2], ["0", "9"])
    with pytest.raises(UserError, match="a mask of 16×16 pixels; expected 8×8; use --resize"):
        masker(images[:1, :8, :8], ["0"])
    smaller = open_masker(str(tmp_path), settings(resize=True), CPU)(images[:1, :8, :8], ["0"])
    np.testing.assert_array_equal(smaller, masks[:1, 1::2, 1::2])


@pytest.mark.parametrize("path", ["nowhere", "nowhere.onnx"])
def test_nothing_there(path):
    with pytest.raises(UserError, match=path):
        open_masker(path, settings(), CPU)


onnx = pytest.importorskip("onnx")


def model(path, weight, bias, *, shape=("n", 3, "h", "w"), extra=(), output=None, kind=None, metadata=None):
    """An ONNX file: a 1×1 convolution of the input, then the nodes ``extra`` from "scores" to "answer"."""
    from onnx import TensorProto, helper, numpy_helper

    last = shape[3] == 3
    nodes = [helper.make_node("Transpose", ["image"], ["x"], perm=[0, 3, 1, 2])] if last else []
    nodes.append(helper.make_node("Conv", ["x" if last else "image", "weight", "bias"], ["scores"]))
    nodes += extra
    name = "answer" if extra else "scores"
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, kind or TensorProto.FLOAT, output)],
        [
            numpy_helper.from_array(np.asarray(weight, np.float32)[..., None, None], "weight"),
            numpy_helper.from_array(np.asarray(bias, np.float32), "bias"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(made, metadata or {})
    onnx.save(made, path)
    return str(path)


PLAIN = {"onnx_mean": "0,0,0", "onnx_std": "1,1,1"}
TWO = ([[0, 0, 0], [1, 0, 0]], [0.5, 0])
"""Scores of two classes: 0.5, and the red of an input in [0, 1]."""


def node(kind, **attributes):
    from onnx import helper

    return helper.make_node(kind, ["scores"], ["answer"], **attributes)


def variants():
    from onnx import TensorProto

    one = ([[20, 0, 0]], [-10])
    return {
        "class scores": (TWO, {}, PLAIN),
        "normalised": (([[0, 0, 0], [1, 0, 0]], [0.0, 0]), {}, {"onnx_mean": "0.5,0,0", "onnx_std": "0.1,1,1"}),
        "channels last": (
            TWO, {"shape": ("n", "h", "w", 3), "extra": [node("Transpose", perm=[0, 2, 3, 1])]}, PLAIN,
        ),
        "class indices": (TWO, {"extra": [node("ArgMax", axis=1, keepdims=0)], "kind": TensorProto.INT64}, PLAIN),
        "sigmoid": (one, {"extra": [node("Sigmoid")]}, PLAIN),
        "logits": (one, {}, PLAIN | {"onnx_logits": True}),
        "named classes": (
            ([[0, 0, 0], [-1, 0, 0], [1, 0, 0]], [0.5, 0, 0]), {}, PLAIN | {"foreground_classes": "1,2"},
        ),
        "a fixed batch": (TWO, {"shape": (4, 3, "h", "w")}, PLAIN),
    }  # fmt: skip


@pytest.mark.parametrize("variant", sorted(variants()))
def test_an_onnx_model(tmp_path, variant):
    (weight, bias), arguments, flags = variants()[variant]
    images, masks = red_images()
    masker = open_masker(model(tmp_path / "m.onnx", weight, bias, **arguments), settings(**flags), CPU)
    np.testing.assert_array_equal(masker(images, KEYS), masks)


@pytest.mark.parametrize(("shape", "flags"), [((1, 3, 32, 32), {}), (("n", 3, "h", "w"), {"onnx_size": 32})])
def test_an_onnx_model_of_another_size(tmp_path, shape, flags):
    images, masks = red_images()
    masker = open_masker(model(tmp_path / "m.onnx", *TWO, shape=shape), settings(**PLAIN, **flags), CPU)
    assert (masker(images, KEYS) == masks).mean() > 0.97


def test_onnx_models_that_do_not_fit(tmp_path):
    images, _ = red_images()
    path = model(tmp_path / "m.onnx", [[20, 0, 0]], [-10])
    with pytest.raises(UserError, match="--onnx-logits"):
        open_masker(path, settings(**PLAIN), CPU)(images, KEYS)
    with pytest.raises(UserError, match="expected one of scores"):
        open_masker(path, settings(onnx_output="mask"), CPU)
    with pytest.raises(UserError, match="--onnx-layout"):
        open_masker(path, settings(onnx_layout="nhwc"), CPU)
    with pytest.raises(UserError, match="three channels"):
        open_masker(model(tmp_path / "five.onnx", [[1] * 5], [0], shape=("n", 5, "h", "w")), settings(), CPU)
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(UserError, match="onnxruntime cannot load"):
        open_masker(str(tmp_path / "bad.onnx"), settings(), CPU)


def test_an_onnx_model_that_fails_says_so(tmp_path):
    images, _ = red_images()
    path = model(tmp_path / "m.onnx", *TWO, extra=[node("MaxPool", kernel_shape=[9, 9])])
    with pytest.raises(WorkError, match=r"m\.onnx failed on images"):
        open_masker(path, settings(**PLAIN), CPU)(images[:, :3, :3], KEYS)


def test_without_onnxruntime_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"l4f-datagen\[onnx\]"):
        open_masker(model(tmp_path / "m.onnx", *TWO), settings(), CPU)


SHIFTED = ([[0, 0, 0], [1, 0, 0]], [0.0, 0])
"""Right where the input is (red − 0.5) / 0.1."""


@pytest.mark.parametrize(
    ("metadata", "flags", "told"),
    [
        ({"mean": "0.5,0,0", "std": "0.1,1,1"}, {}, "mean 0.5,0,0 (the file's metadata)"),
        ({"mean": "[0.5, 0, 0]", "std": "[0.1, 1, 1]"}, {}, "std 0.1,1,1 (the file's metadata)"),
        ({"image_mean": "[0.5, 0, 0]", "image_std": "0.1"}, {}, "std 0.1,0.1,0.1 (the file's metadata)"),
        ({"mean": "0.5", "std": "1"}, {}, "mean 0.5,0.5,0.5"),
        ({"mean": "127.5", "std": "25.5"}, {}, "mean 0.5,0.5,0.5"),
        ({"mean": "9", "std": "0.1"}, {"onnx_mean": "0.5,0,0"}, "mean 0.5,0,0 (--onnx-mean)"),
        ({"mean": "nonsense"}, {"onnx_mean": "0.5,0,0", "onnx_std": "1,1,1"}, "std 1,1,1 (--onnx-std)"),
    ],
)
def test_flags_go_before_metadata_and_both_are_told(tmp_path, metadata, flags, told):
    images, masks = red_images()
    masker = open_masker(model(tmp_path / "m.onnx", *SHIFTED, metadata=metadata), settings(**flags), CPU)
    np.testing.assert_array_equal(masker(images, KEYS), masks)
    (note,) = masker.notes
    assert told in note


@pytest.mark.parametrize(
    ("metadata", "flags", "missing"),
    [
        ({}, {}, "--onnx-mean and --onnx-std"),
        ({"mean": "0.5"}, {}, "give --onnx-std "),
        ({}, {"onnx_std": "1,1,1"}, "give --onnx-mean "),
    ],
)
def test_a_normalisation_that_nobody_named_is_told(tmp_path, metadata, flags, missing):
    masker = open_masker(model(tmp_path / "m.onnx", *SHIFTED, metadata=metadata), settings(**flags), CPU)
    used, advice = masker.notes
    assert "ImageNet: a guess" in used and missing in advice and "does not say" in advice


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"mean": "1,2"}, "as mean in its metadata; expected three numbers.*--onnx-mean"),
        ({"mean": "red"}, "as mean in its metadata"),
        ({"mean": "nan"}, "as mean in its metadata"),
        ({"std": "0"}, "as std in its metadata; expected three numbers above 0.*--onnx-std"),
        ({"std": "[[1], 1, 1]"}, "as std in its metadata"),
        ({"threshold": "1.5"}, "as threshold in its metadata.*--reference-threshold"),
        ({"threshold": "a half"}, "as threshold in its metadata"),
    ],
)
def test_metadata_that_are_no_numbers(tmp_path, metadata, words):
    with pytest.raises(UserError, match=words):
        open_masker(model(tmp_path / "m.onnx", *SHIFTED, metadata=metadata), settings(), CPU)


@pytest.mark.parametrize(
    ("metadata", "flags", "least"),
    [
        ({}, {}, 0.5),
        ({"threshold": "0.2"}, {}, 0.2),
        ({}, {"reference_threshold": 0.2}, 0.2),
        ({"threshold": "0.2"}, {"reference_threshold": 0.7}, 0.7),
        ({}, {"reference_threshold": 0.7, "onnx_logits": True}, 0.7),
        ({}, {"reference_threshold": 1.0}, 1.0),
    ],
)
def test_a_threshold_of_the_file_or_the_user(tmp_path, metadata, flags, least):
    """The model gives the red of its input, after a sigmoid's inverse where logits are asked for."""
    red = np.arange(0, 256, 5, dtype=np.uint8)
    images = np.zeros((1, 1, len(red), 3), np.uint8)
    images[0, 0, :, 0] = red
    weight, bias = ([[8, 0, 0]], [-4]) if flags.get("onnx_logits") else ([[1, 0, 0]], [0])
    masker = open_masker(model(tmp_path / "m.onnx", weight, bias, metadata=metadata), settings(**PLAIN, **flags), CPU)
    share = 1 / (1 + np.exp(4 - 8 * (red / 255))) if flags.get("onnx_logits") else red / 255
    np.testing.assert_array_equal(masker(images, ["a"])[0, 0], share >= least)


@pytest.mark.parametrize("extra", [[], [node("ArgMax", axis=1, keepdims=0)]], ids=["scores", "indices"])
def test_a_threshold_for_a_model_that_has_none(tmp_path, extra):
    from onnx import TensorProto

    images, _ = red_images()
    kind = TensorProto.INT64 if extra else None
    path = model(tmp_path / "m.onnx", *TWO, extra=extra, kind=kind)
    with pytest.raises(UserError, match="--reference-threshold, and a model that gives"):
        open_masker(path, settings(**PLAIN, reference_threshold=0.3), CPU)(images, KEYS)


def test_a_segmenter_that_this_package_wrote_is_asked_as_it_was_trained(tmp_path, red_segmenter):
    pytest.importorskip("onnxscript")
    from l4f_datagen import weights
    from l4f_datagen.weights.onnx import writing

    (tmp_path / "red.onnx").write_bytes(writing.content(weights.load_segmenter(str(red_segmenter))))
    images, _ = red_images(n=2, size=64)
    dim = (images // 3).astype(np.uint8)  # where another normalisation gives other masks
    found, expected = (open_masker(str(path), settings(), CPU) for path in (tmp_path / "red.onnx", red_segmenter))
    np.testing.assert_array_equal(found(dim, KEYS[:2]), expected(dim, KEYS[:2]))
    assert "mean 0.5,0.5,0.5 (the file's metadata)" in found.notes[0]
