"""Segmenters as ONNX files, for runtimes other than torch; what is written is run beside what it was made of."""

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
"""What a file of ours calls itself in its metadata."""
INPUT, OUTPUT = "image", "scores"
"""(N, 3, H, W) float32 in [-1, 1], RGB → (N, classes, H, W) before the softmax; N, H and W are free."""
_SHAPES = ((1, 64, 64), (2, 65, 47))
"""Batch, height and width that a file is verified at; neither is what it was traced with."""
_TRACED = (2, 3, 96, 128)


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
    """A segmenter as one ONNX file with its classes in the metadata.

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
        "mean": "0.5,0.5,0.5",  # the same for values in [0, 1], as other programs write it
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
    """The exporter tells of packages that it could use and of what it calls itself; none of it is the user's."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(level)
