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


def model(path, weight, bias, *, shape=("n", 3, "h", "w"), extra=(), output=None, kind=None):
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
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
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
