"""A segmenter → an ONNX file."""

from ...errors import WorkError
from ...networks.segmenter import Segmenter
from ...storage import atomic
from ..kinds import expected
from ..onnx import writing
from .task import NO_LICENCE, TOLERANCE, Task, Written, beside


def write(task: Task) -> Written:
    """Write the file of a task, once onnxruntime finds the scores with it that torch finds.

    Raises:
        UserError: there is no segmenter, nothing can be written there, or the extra is not installed.
        WorkError: the scores differ.
    """
    remedy = "name a run of train-segmenter or its final folder"
    segmenter = expected(task.only("segmenter", "a segmenter to write as ONNX", remedy), Segmenter)
    atomic.check_file(task.out, f"out {task.out}")  # before the export, which takes seconds
    with beside(task.out, writing.content(segmenter)) as file:
        difference = writing.difference(segmenter, file)
        if difference > TOLERANCE:
            raise WorkError(f"the segmenter as ONNX gives other scores (by {difference:.2g}); nothing was written")
    return difference, (NO_LICENCE,) if task.licence else ()
