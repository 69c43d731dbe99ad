"""Tiny detectors with masks as ONNX files: what is red, green and blue in an image are objects of classes 1, 2 and 3.

The score of each is the highest value of its colour, in [0, 1], and its mask is where the colour is, so that two
objects of different colours may touch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

COLOURS = 3
SIDE = 16
"""Height and width of the images of a ``yolo``."""
BOXES = np.array([[0, 0, 8, 16], [8, 0, 16, 16], [4, 4, 12, 12]], np.float32)
"""The boxes of red, green and blue in a ``yolo``: left, top, right, bottom in pixels."""


def picture(*colours: str, size: int = SIDE) -> np.ndarray:
    """RGB uint8, dark where nothing is: red on the left and green on the right, which touch; blue below the middle."""
    image = np.full((size, size, 3), 10, np.uint8)
    third, half = size // 4, size // 2
    if "red" in colours:
        image[third:-third, third:half, 0] = 250
    if "green" in colours:
        image[third:-third, half:-third, 1] = 240
    if "blue" in colours:
        image[half:-third, third + 1 : half, 2] = 230
    return image


def lists(
    path: Path,
    *,
    names: Sequence[str] = ("boxes", "labels", "scores", "masks"),
    shape: Sequence[Any] = (1, COLOURS, "h", "w"),
    masks: bool = True,
    gain: float = 1.0,
    side: int | None = None,
    metadata: dict[str, str] | None = None,
) -> str:
    """A detector whose answer is torchvision's.

    Args:
        names: of boxes, labels, scores and masks.
        shape: of the input; three axes for a single image.
        masks: whether it gives any.
        gain: what scores are multiplied with.
        side: height and width of all masks, if they are not the input's.
    """
    from onnx import TensorProto, helper

    boxes, labels, scores, mask = names
    constants = [
        _constant("zeros", np.zeros((COLOURS, 4), np.float32)), _constant("numbers", np.arange(1, COLOURS + 1)),
        _constant("gain", np.float32(gain)), _constant("one", np.array([0], np.int64)),
    ]  # fmt: skip
    single = len(shape) == 3
    nodes = [
        helper.make_node("Unsqueeze", ["image", "one"], ["batch"]) if single
        else helper.make_node("Identity", ["image"], ["batch"]),
        helper.make_node("Transpose", ["batch"], ["whole"], perm=[1, 0, 2, 3]),
        helper.make_node("ReduceMax", ["whole"], ["highest"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["highest", "gain"], [scores]),
        helper.make_node("Identity", ["zeros"], [boxes]), helper.make_node("Identity", ["numbers"], [labels]),
    ]  # fmt: skip
    real, height, width = TensorProto.FLOAT, side or shape[-2], side or shape[-1]
    outputs = [(boxes, real, [COLOURS, 4]), (labels, TensorProto.INT64, [COLOURS]), (scores, real, [COLOURS])]
    if masks:
        if side:
            constants.append(_constant("ends", np.array([COLOURS, 1, side, side], np.int64)))
            constants.append(_constant("starts", np.zeros(4, np.int64)))
            nodes.append(helper.make_node("Slice", ["whole", "starts", "ends"], [mask]))
        else:
            nodes.append(helper.make_node("Identity", ["whole"], [mask]))
        outputs.append((mask, real, [COLOURS, 1, height, width]))
    return _save(path, nodes, shape, outputs, constants, metadata)


def yolo(path: Path, *, suppressed: bool = False, rows: int = 40, metadata: dict[str, str] | None = None) -> str:
    """A detector whose answer is a YOLO's, of images of ``SIDE`` pixels; its classes are 0, 1 and 2.

    Args:
        suppressed: whether it gives what is left after a suppression.
        rows: how many detections it gives; all but six are nothing. Each colour comes twice.
    """
    from onnx import TensorProto, helper

    low, high = BOXES[:, :2], BOXES[:, 2:]
    boxes = BOXES if suppressed else np.concatenate([(low + high) / 2, high - low], 1)
    twice = np.concatenate([np.eye(COLOURS, dtype=np.float32)] * 2)  # each colour's row, and once more
    spread = np.zeros((COLOURS, rows), np.float32)
    spread[:, :6] = twice.T * np.array([1] * COLOURS + [0.98] * COLOURS, np.float32)
    where, weights = np.zeros((4, rows), np.float32), np.zeros((COLOURS, rows), np.float32)
    where[:, :6], weights[:, :6] = np.concatenate([boxes, boxes]).T, twice.T
    kinds = np.zeros((1, rows), np.float32)
    kinds[:, :6] = np.tile(np.arange(COLOURS), 2)
    constants = [
        _constant("spread", spread), _constant("where", where), _constant("weights", weights),
        _constant("kinds", kinds), _constant("half", np.float32(0.5)), _constant("steep", np.float32(8)),
        _constant("column", np.array([COLOURS, 1], np.int64)), _constant("first", np.array([0], np.int64)),
    ]  # fmt: skip
    nodes = [
        helper.make_node("ReduceMax", ["image"], ["highest"], axes=[0, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["highest", "column"], ["tall"]),
        helper.make_node("Mul", ["tall", "spread"], ["classes"]),
        helper.make_node("ReduceMax", ["classes"], ["best"], axes=[0], keepdims=1),
        helper.make_node("Concat", ["where", *(["best", "kinds"] if suppressed else ["classes"]), "weights"],
                         ["found"], axis=0),
        helper.make_node("Transpose" if suppressed else "Identity", ["found"], ["flat"],
                         **({"perm": [1, 0]} if suppressed else {})),
        helper.make_node("Unsqueeze", ["flat", "first"], ["output0"]),
        helper.make_node("Sub", ["image", "half"], ["centred"]),
        helper.make_node("Mul", ["centred", "steep"], ["output1"]),
    ]  # fmt: skip
    width = 4 + (2 if suppressed else COLOURS) + COLOURS
    shape, real = (1, COLOURS, SIDE, SIDE), TensorProto.FLOAT
    outputs = [("output0", real, [1, rows, width] if suppressed else [1, width, rows]), ("output1", real, list(shape))]
    return _save(path, nodes, shape, outputs, constants, metadata)


def _constant(name: str, values: np.ndarray) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values), name)


def _save(path: Path, nodes: list, shape: Sequence[Any], outputs: list, constants: list, metadata: Any) -> str:
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        nodes, "colours", [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(*output) for output in outputs], constants,
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    helper.set_model_props(made, metadata or {})
    onnx.save(made, path)
    return str(path)
