"""Label Studio's exports, JSON and JSON-MIN: brushes as run lengths, and polygons."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from ...documents import read_file, read_json
from ...errors import UserError
from ...photographs import names as picture_names
from ...run_lengths import of_brushes, of_coco
from ...short import short
from ..reading import Reading
from .coco import MOST_BYTES
from .images import IGNORED_LABEL, Drawing, DrawnSamples, Named, chosen

_SHAPES = ("brushlabels", "polygonlabels")
"""What is read; other shapes, rectangles say, are no masks."""
_LABELS = (*_SHAPES, "labels")
_OTHER_SHAPES = ("rectangle", "ellipse", "keypoint", "video")
_EXPECTED = "an export of Label Studio, JSON or JSON-MIN"


@dataclass
class _Task:
    """An image and the regions that somebody left on it."""

    image: str
    when: tuple[str, int]
    """When they were saved, and their number: the last ones count."""
    regions: list[Mapping[str, Any]] = field(default_factory=list)
    """Of the form of JSON-MIN: what JSON has as ``value``, with the labels and the size of the picture."""


class LabelStudioSamples(DrawnSamples):
    """Annotated images in the order of their tasks; the foreground is the union of an image's brushes and polygons.

    Tasks that nobody annotated are left out. The label "ignored" stands for ignored pixels. Where not one task is
    annotated, the predictions are read: masks as they were handed over.
    """

    KIND = "tasks of Label Studio"

    def __init__(self, path: Path, reading: Reading):
        content = read_file(path, most=MOST_BYTES)
        entries = read_json(content, str(path), kind=list, most=MOST_BYTES)
        told: list[str] = []
        try:
            tasks = _tasks(entries, told)
            labels = [_label(region) for task in tasks for region in task.regions if _is_shape(region)]
            images = [Named(task.image, _size(task)) for task in tasks]
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise UserError(
                str(path), got=f"no tasks ({short(error, 200)})", expected=_EXPECTED, remedy="export it again"
            ) from error
        if not tasks:
            raise UserError(str(path), got="no annotated task", expected=_EXPECTED, remedy="annotate one first")
        self._wanted = chosen(labels, reading.categories)
        self.foreground = f"labels {', '.join(self._wanted)}"
        self._tasks = tasks
        super().__init__(path, content, images, reading)
        others = Counter(str(region["type"]) for task in tasks for region in task.regions if not _is_shape(region))
        if others:
            kinds = ", ".join(f"{short(kind, 30)} {count}" for kind, count in sorted(others.items()))
            told.append(f"left out regions that are no masks ({kinds})")
        self.notes = (*told, *self.notes)

    def drawings(self, index: int) -> list[Drawing]:
        """A task's regions."""
        found = []
        for number, region in enumerate(self._tasks[index].regions, 1):
            label = _label(region) if _is_shape(region) else ""
            if label in self._wanted or (label == IGNORED_LABEL and _is_shape(region)):
                ignored = label not in self._wanted
                found.append(Drawing(f"region {number}", partial(_drawn, region), ignored))
        return found


def _drawn(region: Mapping[str, Any], height: int, width: int) -> np.ndarray:
    if region.get("image_rotation"):
        raise ValueError(f"a picture that was turned by {short(region['image_rotation'])} degrees")
    if "rle" in region:
        return of_brushes.decode(region["rle"], height, width)
    corners = region["points"]
    if not isinstance(corners, list) or not all(isinstance(point, list) and len(point) == 2 for point in corners):
        raise ValueError("a polygon that is no list of points")
    # Places are shares of the picture in percent.
    return of_coco.decode(
        [[_number(value) * side / 100 for point in corners for value, side in zip(point, (width, height))]],
        height, width,
    )  # fmt: skip


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"{short(value, quotes=True)} for a number")
    return value


def _tasks(entries: Sequence[Any], told: list[str]) -> list[_Task]:
    """The last annotation of every task."""
    if not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("a task that is no object")
    whole = [entry for entry in entries if "data" in entry]
    if whole and len(whole) < len(entries):
        raise ValueError("tasks of both forms")
    annotated: list[tuple[int, Any, _Task]] = []
    for number, entry in enumerate(entries):
        found = _of_json(entry, ("annotations", "completions")) if whole else [_of_json_min(entry)]
        identity = short(entry["id"]) if "id" in entry else f"task {number}"
        annotated += ((number, identity, task) for task in found)
    if not annotated:
        annotated = [(n, n, task) for n, entry in enumerate(whole) for task in _of_json(entry, ("predictions",))]
        if annotated:
            told.append("no task is annotated: masks are the predictions, as they were handed over")
    last: dict[Any, _Task] = {}
    for _, identity, task in annotated:
        if identity not in last or task.when >= last[identity].when:
            last[identity] = task
    if several := sum(count > 1 for count in Counter(identity for _, identity, _ in annotated).values()):
        told.append(f"{several} tasks were annotated more than once: the last annotation of each is read")
    if whole and (bare := len(whole) - len(last)):
        told.append(f"left out {bare} of {len(whole)} tasks, which nobody annotated")
    return list(last.values())


def _of_json(entry: Mapping[str, Any], kinds: Sequence[str]) -> Iterator[_Task]:
    """The annotations of a task that were not cancelled."""
    for annotation in (one for kind in kinds for one in entry.get(kind) or ()):
        if annotation.get("was_cancelled"):
            continue
        results = annotation.get("result") or []
        labels = {one.get("id"): one["value"]["labels"] for one in results if one.get("type") == "labels"}
        regions = []
        for one in results:
            if one.get("type") == "labels" or not isinstance(one.get("value"), dict):
                continue
            region = {"type": one.get("type"), **one["value"]}
            if "labels" not in region and one.get("id") in labels:
                region["labels"] = labels[one["id"]]
            region |= {key: one[key] for key in ("original_width", "original_height", "image_rotation") if key in one}
            if _is_shape(region) or _is_other(region):
                regions.append(region)
        yield _Task(_image(entry["data"]), _when(annotation, "id"), regions)


def _of_json_min(entry: Mapping[str, Any]) -> _Task:
    """One annotation: what was asked for lies beside the data."""
    regions = [
        {"type": next((key for key in region if key.endswith("labels")), None), **region}
        for some in entry.values()
        if isinstance(some, list)
        for region in some
        if isinstance(region, dict)
    ]
    return _Task(_image(entry), _when(entry, "annotation_id"), [r for r in regions if _is_shape(r) or _is_other(r)])


def _is_shape(region: Mapping[str, Any]) -> bool:
    return "rle" in region or ("points" in region and not _is_other(region))


def _is_other(region: Mapping[str, Any]) -> bool:
    return str(region.get("type")).startswith(_OTHER_SHAPES)


def _label(region: Mapping[str, Any]) -> str:
    found = next((region[key] for key in _LABELS if region.get(key)), [""])
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], str):
        raise ValueError(f"a region with the labels {short(found)}; expected one")
    return found[0]


def _when(entry: Mapping[str, Any], number: str) -> tuple[str, int]:
    found = entry.get(number, 0)
    return str(entry.get("updated_at") or ""), found if isinstance(found, int) else 0


def _size(task: _Task) -> tuple[int, int] | None:
    """Width and height as the regions say them."""
    sizes = {(region.get("original_width"), region.get("original_height")) for region in task.regions}
    width, height = sizes.pop() if len(sizes) == 1 else (None, None)
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _image(data: Mapping[str, Any]) -> str:
    """The picture that a task is about: its path, of an address without what stands before it."""
    places = {key: _path(value) for key, value in data.items() if isinstance(value, str)}
    found = [key for key, place in places.items() if picture_names.extension(place) in picture_names.PICTURES]
    chosen_key = found[0] if len(found) == 1 else "image" if "image" in found else None
    if chosen_key is None:
        raise ValueError(f"a task with {len(found)} names of pictures ({short(found)})")
    return places[chosen_key]


def _path(text: str) -> str:
    """/data/local-files/?d=images/a.jpg → images/a.jpg; /data/upload/1/0a1b-a.jpg → data/upload/1/0a1b-a.jpg."""
    parts = urlsplit(text)
    inside = parse_qs(parts.query).get("d")
    return re.sub("^/+", "", inside[0] if inside else unquote(parts.path))
