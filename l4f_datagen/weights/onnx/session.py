"""ONNX models of others, opened by onnxruntime after they were looked at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ...devices import too_little_memory
from ...errors import UserError, WorkError
from ...short import short
from . import model


def open_session(path: Path, device: torch.device, *, threads: int | None = None) -> Any:
    """An ``onnxruntime.InferenceSession`` of a file, on a GPU where both can.

    Args:
        threads: of one call on the CPU; default: as many as torch has.

    Raises:
        UserError: there is no such file, it is no ONNX model, or the extra is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(
            str(path), got="no package onnxruntime", expected="the extra `onnx`",
            remedy='pip install "l4f-datagen[onnx]"',
        ) from error  # fmt: skip
    if not path.is_file():
        raise UserError(str(path), got="no such file", expected="an ONNX model", remedy="check the path")
    model.check(path, str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3
    providers: list[str | tuple[str, dict[str, int]]] = ["CPUExecutionProvider"]
    if device.type == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": device.index or 0}))
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime has errors of its own for every case
        if too_little_memory(error):
            raise
        raise UserError(
            str(path), got=f"a file that onnxruntime cannot load ({short(error, 160)})",
            expected="an ONNX model", remedy="export it again",
        ) from error  # fmt: skip


def run_session(session: Any, name: str, output: str, inputs: dict[str, Any], what: str) -> Any:
    """One output of a model; see ``run_outputs``."""
    return run_outputs(session, name, [output], inputs, what)[0]


def run_outputs(session: Any, name: str, outputs: Sequence[str], inputs: dict[str, Any], what: str) -> list[Any]:
    """Some outputs of a model, in this order.

    Args:
        name: the model as the user called it.
        what: its inputs in words, "images of (1, 3, 64, 64)" say, for messages.

    Raises:
        WorkError: the model failed.
    """
    try:
        return session.run(list(outputs), inputs)
    except Exception as error:  # onnxruntime has errors of its own for every case
        if too_little_memory(error):
            raise
        raise WorkError(f"{name} failed on {what}: {short(error, 300)}") from error


def inputs_in_words(session: Any) -> str:
    """A model's inputs with their types and shapes, for messages."""
    return short(", ".join(f"{short(i.name)} {i.type} {short(i.shape)}" for i in session.get_inputs()[:8]), 200)


def outputs_in_words(session: Any) -> str:
    """A model's outputs with their types and shapes, for messages."""
    return short(", ".join(f"{short(o.name)} {o.type} {short(o.shape)}" for o in session.get_outputs()[:8]), 200)
