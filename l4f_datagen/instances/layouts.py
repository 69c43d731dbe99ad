"""How detectors with masks give what they found: torchvision's lists, and the maps of a YOLO.

A layout is known by its outputs' names, or where an exporter gave them numbers, by their types and shapes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from ..errors import UserError
from ..short import short
from .found import scaled

_LISTS = {"boxes": ("box",), "labels": ("label", "class"), "scores": ("score",), "masks": ("mask",)}
"""Torchvision's outputs, and what their names have in them."""
_MOST_CHOSEN = 1000
"""Rows of a YOLO's answer after its own suppression; an answer before it has thousands."""
_STRIDES = (8, 16, 32)
"""Pixels from cell to cell in the grids of a YOLO."""
_SAME_BOX = 0.7
"""IoU of boxes above which a YOLO's detections are the same one: the value that its makers use."""


class Output(Protocol):
    """An output as onnxruntime tells it."""

    name: str
    type: str
    shape: Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Detections:
    """What a model gave for one image, noise left out."""

    scores: np.ndarray
    """Float K, in [0, 1]."""
    classes: np.ndarray
    """Int K."""
    mask: Callable[[int, float], np.ndarray]
    """The mask of a detection, by its number: bool, of the input's size. It also takes the share in (0, 1] from which a
    pixel counts."""


class Layout(Protocol):
    """A kind of answer."""

    outputs: Sequence[str]
    """The outputs that are read."""

    def read(self, answers: Sequence[np.ndarray], size: tuple[int, int], name: str, *, least: float) -> Detections:
        """What the outputs say of one image.

        Args:
            answers: of ``outputs``, in their order.
            size: height and width of the input.
            name: what messages call the model.
            least: detections of lower scores are noise.

        Raises:
            UserError: they are not what the layout has.
        """
        ...


def layout_of(outputs: Sequence[Output]) -> Layout | None:
    """The layout of a model with these outputs; None where it is no detector with masks."""
    return _lists(outputs) or _maps(outputs)


def misfit(name: str, got: str) -> UserError:
    """What to tell of a model whose answer is neither layout."""
    return UserError(
        name, got=got, expected="boxes, labels, scores and masks as torchvision's detectors give them, or the two "
        "outputs of a YOLO that segments", remedy="export a detector with masks",
    )  # fmt: skip


def _lists(outputs: Sequence[Output]) -> "_Lists | None":
    """Torchvision's layout, by names, else by what each output is."""
    named: dict[str, list[str]] = {
        role: [o.name for o in outputs if any(word in o.name.lower() for word in words)]
        for role, words in _LISTS.items()
    }
    if len(outputs) >= len(_LISTS) and all(len(found) == 1 for found in named.values()):
        return _Lists({role: found[0] for role, found in named.items()})
    if len(outputs) != len(_LISTS):
        return None
    shaped = {role: [o.name for o in outputs if _role(o) == role] for role in _LISTS}
    return _Lists({role: f[0] for role, f in shaped.items()}) if all(len(f) == 1 for f in shaped.values()) else None


def _role(output: Output) -> str:
    """Which of the lists an output is, by its type and shape."""
    axes, real = len(output.shape), "float" in output.type
    if real and axes == 4:
        return "masks"
    if real and axes == 2 and output.shape[1] == 4:
        return "boxes"
    if axes == 1:
        return "scores" if real else "labels"
    return ""


class _Lists:
    """Labels (K), scores (K) and masks (K, 1, H, W) in [0, 1], of the input's size; boxes are not needed."""

    def __init__(self, names: Mapping[str, str]):
        self.outputs: Sequence[str] = [names["labels"], names["scores"], names["masks"]]

    def read(self, answers: Sequence[np.ndarray], size: tuple[int, int], name: str, *, least: float) -> Detections:
        labels, scores, masks = answers
        masks = masks[:, 0] if masks.ndim == 4 and masks.shape[1] == 1 else masks
        if not (scores.ndim == labels.ndim == 1 and masks.ndim == 3 and len(scores) == len(labels) == len(masks)):
            raise misfit(name, f"labels of {labels.shape}, scores of {scores.shape}, masks of {answers[2].shape}")
        if len(masks) and masks.shape[1:] != size:
            raise UserError(
                name, got=f"masks of {masks.shape[2]}×{masks.shape[1]} pixels for an input of {size[1]}×{size[0]}",
                expected="masks of the input's size, as torchvision's export has them",
                remedy="export it with the step that pastes masks into the image",
            )  # fmt: skip
        check_scores(scores, name)
        seen = np.flatnonzero(scores >= least)
        return Detections(
            scores=scores[seen], classes=labels[seen].astype(np.int64), mask=lambda n, share: masks[seen[n]] >= share
        )


def _maps(outputs: Sequence[Output]) -> "_Maps | None":
    """A YOLO's layout: rows of detections, and maps of which masks are sums."""
    real = [output for output in outputs if "float" in output.type]
    rows, maps = [o for o in real if len(o.shape) == 3], [o for o in real if len(o.shape) == 4]
    if len(outputs) != 2 or len(rows) != 1 or len(maps) != 1:
        return None
    return _Maps(rows[0].name, maps[0].name)


class _Maps:
    """Detections (1, 4 + classes + M, K) or, after a suppression, (1, K, 6 + M), and maps (1, M, h, w).

    Boxes are centre and size in pixels of the input before a suppression (Ultralytics' YOLOv8 and later), corners after
    it. A mask is the sigmoid of the sum of the maps, each times one of the detection's M numbers, within its box.
    """

    def __init__(self, rows: str, maps: str):
        self.outputs: Sequence[str] = [rows, maps]

    def read(self, answers: Sequence[np.ndarray], size: tuple[int, int], name: str, *, least: float) -> Detections:
        rows, maps = (answer[0].astype(np.float32) for answer in answers)
        count = len(maps)
        if rows.shape[1] == 6 + count and rows.shape[0] <= _MOST_CHOSEN:
            corners, scores, classes = rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64)
            weights = rows[:, 6:]
        elif 4 + count < rows.shape[0] and (rows.shape[0] < rows.shape[1] or rows.shape[1] == _cells(size)):
            rows = rows.T
            found = rows[:, 4 : rows.shape[1] - count]
            scores, classes, weights = found.max(1), found.argmax(1), rows[:, rows.shape[1] - count :]
            corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
        else:
            shapes = " and ".join(short(answer.shape) for answer in answers)
            raise misfit(name, f"outputs of {shapes}, which are not those of YOLOv8 or later")
        check_scores(scores, name)
        seen = np.flatnonzero(scores >= least)
        seen = seen[_apart(corners[seen], scores[seen])]

        def mask(number: int, share: float) -> np.ndarray:
            row = seen[number]
            values = scaled(np.tensordot(weights[row], maps, 1), size)
            return _within(corners[row], size) & (values >= (np.log(share / (1 - share)) if share < 1 else np.inf))

        return Detections(scores=scores[seen], classes=classes[seen], mask=mask)


def _cells(size: tuple[int, int]) -> int:
    """How many detections a YOLO gives for an input of this height and width: one for each cell of its three grids."""
    return sum((size[0] // stride) * (size[1] // stride) for stride in _STRIDES)


def _within(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bool of this height and width: the pixels whose centres are within a box of left, top, right, bottom."""
    left, top, right, bottom = corners
    y, x = np.arange(size[0])[:, None] + 0.5, np.arange(size[1]) + 0.5
    return (y >= top) & (y < bottom) & (x >= left) & (x < right)


def _apart(corners: np.ndarray, scores: np.ndarray) -> list[int]:
    """The numbers of boxes that are detections of their own, whatever their classes, the highest score first."""
    if not len(scores):
        return []
    sizes = corners[:, 2:] - corners[:, :2]
    boxes = np.concatenate([corners[:, :2], sizes], 1).astype(float).tolist()
    return [int(n) for n in np.ravel(cv2.dnn.NMSBoxes(boxes, scores.astype(float).tolist(), 0.0, _SAME_BOX))]


def check_scores(scores: np.ndarray, name: str) -> None:
    """Refuse scores that are none.

    Raises:
        UserError: one is outside of [0, 1], or no number.
    """
    if scores.size and not (scores.min() >= -1e-3 and scores.max() <= 1 + 1e-3):
        raise UserError(
            name, got=f"scores from {scores.min():.3g} to {scores.max():.3g}", expected="scores in [0, 1]",
            remedy="export the detector with the sigmoid of its scores",
        )  # fmt: skip
