"""Segmenters as ONNX files, for runtimes other than torch. What is written is run and compared with the segmenter."""

import contextlib
import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ...errors import UserError
from ...networks.segmenter import Segmenter
from ...seeding import normal

OPSET = 18
FORMAT = "l4f-datagen-segmenter"
"""The format that our files name in their metadata."""
INPUT, OUTPUT = "image", "scores"
"""(N, 3, H, W) float32 RGB in [-1, 1] → (N, classes, H, W) float32, the scores before the softmax; N, H and W are
free."""
_SHAPES = ((1, 64, 64), (2, 65, 47))
"""Batch, height and width that a file is verified at; neither is what it was traced with."""
_TRACED = (2, 3, 96, 128)
"""The shape of the images that a segmenter is traced with."""


def check_extra() -> None:
    """Refuse to begin without the packages that ONNX files need.

    Raises:
        UserError: one is missing.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                "onnx", got=f"no package {package}", expected="the extra `onnx`",
                remedy='pip install "l4f-datagen[onnx]"',
            )  # fmt: skip


def content(segmenter: Segmenter) -> bytes:
    """The bytes of an ONNX file of a segmenter, with its architecture and its classes in the metadata.

    Raises:
        UserError: the extra is not installed.
    """
    check_extra()
    import onnx

    free = torch.export.Dim.DYNAMIC
    with _quiet():
        program = torch.onnx.export(
            segmenter,
            (torch.zeros(_TRACED),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes={"image": {0: free, 2: free, 3: free}},
            verbose=False,
        )
    assert program is not None, "the exporter of dynamo gives a program"
    model = program.model_proto
    facts = {
        "format": FORMAT,
        "architecture": json.dumps({"name": segmenter.name, **segmenter.architecture}),
        "foreground": json.dumps(segmenter.foreground),
        "size": json.dumps(segmenter.size),
        "input": "RGB, (value / 127.5) - 1",
        "mean": "0.5,0.5,0.5",  # as other programs say the same, of values in [0, 1]
        "std": "0.5,0.5,0.5",
    }
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def difference(segmenter: Segmenter, path: Path) -> float:
    """The largest difference between the scores of a segmenter and of its file, at two sizes."""
    check_extra()
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    largest = 0.0
    for count, height, width in _SHAPES:
        image = normal((3, height, width), 0, "onnx", range(count))
        found = torch.from_numpy(session.run([OUTPUT], {INPUT: image.numpy()})[0])
        largest = max(largest, _distance(segmenter, image, found))
    return largest


@torch.inference_mode()
def _distance(segmenter: Segmenter, image: Tensor, found: Tensor) -> float:
    return (segmenter(image) - found).abs().max().item()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the exporter's messages about itself and about packages that it could use from the user."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(level)
