"""Inpainting networks in ONNX files: of every range and size, and files that are none."""

import numpy as np
import pytest
import torch

from l4f_datagen.editing.completing_by_onnx import OnnxInpainter
from l4f_datagen.errors import UserError

pytest.importorskip("onnxruntime")
CPU = torch.device("cpu")


def model(path, *, image=("n", 3, "h", "w"), mask=("n", 1, "h", "w"), factor=1.0, shift=0.0, kind="FLOAT", more=(),
          output=None):  # fmt: skip
    """Fills holes with 1: out = max(image, mask) · factor + shift."""
    import onnx
    from onnx import TensorProto, helper

    of = getattr(TensorProto, kind)
    nodes = [helper.make_node("Max", ["image", "mask"] if mask else ["image"], ["filled"])]
    numbers = []
    if kind == "FLOAT":
        nodes += [helper.make_node("Mul", ["filled", "f"], ["a"]), helper.make_node("Add", ["a", "s"], ["out"])]
        numbers = [helper.make_tensor("f", of, [1], [factor]), helper.make_tensor("s", of, [1], [shift])]
    else:
        nodes.append(helper.make_node("Identity", ["filled"], ["out"]))
    if output:
        nodes[-1].output[0] = "whole"
        nodes.append(helper.make_node("ReduceMean", ["whole"], ["out"], axes=output, keepdims=1))
    inputs = [("image", image), ("mask", mask), *((f"more{i}", image) for i in range(len(more)))]
    made = [helper.make_tensor_value_info(name, of, shape) for name, shape in inputs if shape]
    graph = helper.make_graph(nodes, "fill", made, [helper.make_tensor_value_info("out", of, None)], numbers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9), path)
    return path


def scene():
    image = np.random.default_rng(0).integers(0, 200, (24, 24, 3), np.uint8)
    hole = np.zeros((24, 24), bool)
    hole[8:16, 8:16] = True
    return image, hole


@pytest.mark.parametrize(
    "options",
    [{}, {"factor": 255.0}, {"factor": 2.0, "shift": -1.0}, {"kind": "UINT8"}],
    ids=["[0, 1]", "[0, 255]", "[-1, 1]", "uint8"],
)
def test_the_range_of_answers_is_told_by_what_was_known(tmp_path, options):
    image, hole = scene()
    answer = OnnxInpainter(model(tmp_path / "m.onnx", **options), CPU)(image, hole)
    assert (answer[hole] == 255).all()
    np.testing.assert_array_equal(answer[~hole], image[~hole])


def test_a_model_of_one_size_is_given_that_size(tmp_path):
    image, hole = scene()
    path = model(tmp_path / "m.onnx", image=(1, 3, 16, 16), mask=(1, 1, 16, 16))
    answer = OnnxInpainter(path, CPU)(image, hole)
    assert answer.shape == image.shape and (answer[9:15, 9:15] > 250).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mask": None}, "inputs"),
        ({"image": ("n", 4, "h", "w")}, "inputs"),
        ({"mask": ("n", 3, "h", "w")}, "inputs"),
        ({"image": ("n", 3, "h")}, "inputs"),
        ({"more": [1]}, "inputs"),
        ({"output": [1]}, "output of shape"),
        ({"output": [2, 3]}, "output of shape"),
        ({"factor": float("nan")}, "not finite"),
    ],
    ids=["no mask", "four channels", "two images", "three axes", "three inputs", "grey", "a colour", "NaN"],
)
def test_other_models_are_refused(tmp_path, options, words):
    path = model(tmp_path / "m.onnx", **options)
    with pytest.raises(UserError, match=words):
        OnnxInpainter(path, CPU)(*scene())


def test_files_that_are_no_models(tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    for name, words in (("text.onnx", "cannot load"), ("nowhere.onnx", "no such file")):
        with pytest.raises(UserError, match=words):
            OnnxInpainter(tmp_path / name, CPU)
