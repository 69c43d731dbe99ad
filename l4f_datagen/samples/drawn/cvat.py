"""CVAT's own XML, "CVAT for images 1.1": masks as run lengths within a box, and polygons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ...documents import read_file
from ...errors import UserError
from ...run_lengths import in_boxes, of_coco
from ...short import short
from ..reading import Reading
from .coco import MOST_BYTES
from .images import IGNORED_LABEL, Drawing, DrawnSamples, Named, chosen

_SHAPES = ("mask", "polygon")
_OTHER_SHAPES = ("box", "ellipse", "polyline", "points", "cuboid", "skeleton")
_EXPECTED = 'CVAT\'s XML, "CVAT for images 1.1"'
Attributes = Mapping[str, str]


class CvatSamples(DrawnSamples):
    """Images in the order of the file; the foreground is the union of an image's masks and polygons.

    The label "ignored" stands for ignored pixels.
    """

    KIND = "CVAT for images"

    def __init__(self, path: Path, reading: Reading):
        content = read_file(path, most=MOST_BYTES)
        images = _images(path, content)
        self._shapes = [[shape for shape in shapes if shape[0] in _SHAPES] for _, shapes in images]
        labels = [shape.get("label", "") for shapes in self._shapes for _, shape in shapes]
        self._wanted = chosen(labels, reading.categories)
        self.foreground = f"labels {', '.join(self._wanted)}"
        super().__init__(path, content, [named for named, _ in images], reading)
        if others := Counter(kind for _, shapes in images for kind, _ in shapes if kind in _OTHER_SHAPES):
            kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(others.items()))
            self.notes = (f"left out shapes that are no masks ({kinds})", *self.notes)

    def drawings(self, index: int) -> list[Drawing]:
        """An image's masks and polygons."""
        found = []
        for number, (kind, shape) in enumerate(self._shapes[index], 1):
            label = shape.get("label", "")
            if label in self._wanted or label == IGNORED_LABEL:
                draw = partial(_mask if kind == "mask" else _polygon, shape)
                found.append(Drawing(f"{kind} {number}", draw, label not in self._wanted))
        return found


def _mask(shape: Attributes, height: int, width: int) -> np.ndarray:
    left, top, wide, high = (int(shape[name]) for name in ("left", "top", "width", "height"))
    lengths = [int(text) for text in shape["rle"].split(",")]
    return in_boxes.decode(lengths, (left, top, wide, high), height, width)


def _polygon(shape: Attributes, height: int, width: int) -> np.ndarray:
    points = [float(value) for point in shape["points"].split(";") for value in point.split(",")]
    return of_coco.decode([points], height, width)


def _images(path: Path, content: bytes) -> list[tuple[Named, Sequence[tuple[str, Attributes]]]]:
    """Images in order, each with its shapes and their attributes."""
    found = []
    try:
        if len(content) > MOST_BYTES or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise ValueError(f"more than {MOST_BYTES} bytes, or definitions of its own")
        root = ElementTree.fromstring(content)
        if root.tag != "annotations" or root.find("track") is not None:
            raise ValueError("tracks of a video" if root.tag == "annotations" else f"a document {short(root.tag)}")
        for image in root.iter("image"):
            named = Named(image.attrib["name"], (int(image.attrib["width"]), int(image.attrib["height"])))
            if min(named.size or ()) < 1 or "\0" in named.name:
                raise ValueError(f"an image of {short(named.size)} pixels")
            found.append((named, [(shape.tag, dict(shape.attrib)) for shape in image]))
        if not found:
            raise ValueError("no images")
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        told = f"an image without {error}" if isinstance(error, KeyError) else short(error, 200)
        raise UserError(
            str(path), got=f"no such file ({told})", expected=_EXPECTED, remedy="export it again"
        ) from error
    return found
