"""Checks of one sample: its members, their sizes, and whether mask and scores follow from the alpha."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ... import masks
from ...documents import Unreadable, read_json
from ...mask_files.values import MaskValues, of_description
from ...scores import score
from ...settings.classes import written_classes
from ...short import short
from ..format import schema
from . import whole_images

_ROUNDING = 2e-6
"""Scores are rounded to 1e-6; the sums behind them may come out differently on another machine."""
_EXTRAS = {"w": "w.npy", "cutout": "cutout.png"}
"""Members that are kept on request and are no images of the data set's format."""
_EXACT = ("mask_area", "bounding_box", "components", "touches_border")


def member_names(description: Mapping[str, Any], key: str) -> list[str]:
    """The members of a sample, in their order in the tar."""
    settings = description["settings"]
    image = settings["image_format"]
    extras = [_EXTRAS.get(name, f"{name}.{image}") for name in settings.get("save", ())]
    return [f"{key}.{extension}" for extension in sorted((image, "alpha.png", "mask.png", "json", *extras))]


def problems_of(
    members: Sequence[tuple[str, bytes]], *, index: int, shard: int, description: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, list[str]]:
    """Find what is wrong with a sample.

    Args:
        members: pairs of name and content, in the order of the tar.
        index: global index that the sample has to have.

    Returns:
        Its metadata, None if they cannot be read, and the problems.
    """
    expected = member_names(description, f"{index:09d}")
    problems, names = [], [name for name, _ in members]
    if names != expected:
        problems.append(f"members {short(', '.join(names), 300) or 'none'}; expected {', '.join(expected)}")
    # Whatever else there is: of what should be there, all is looked at.
    known = {name.partition(".")[2] for name in expected}
    contents = {name.partition(".")[2]: content for name, content in members if name.partition(".")[2] in known}
    row = _row(contents.get("json", b""))
    if row is None:
        return None, problems if "json" not in contents else [*problems, "json: not the metadata of a sample"]
    has_class = schema.CLASS.name in row
    if has_class != (schema.CLASSES in description):
        return None, [*problems, "json: a class, and dataset.json names none" if has_class else "json: no class"]
    problems += _row_problems(row, index, shard, description["settings"])
    if has_class and row[schema.CLASS.name] not in written_classes(classes := description[schema.CLASSES]):
        problems.append(f"json: class is {row[schema.CLASS.name]}; expected one of {classes}")
    arrays, codes, values = {}, 1 if "backgrounds" in description else 2, of_description(description)
    for extension, content in contents.items():
        try:
            if extension != "json":
                arrays[extension] = _decoded(extension, content, (row["height"], row["width"]), codes, values)
        except Exception as error:  # decoders raise of damaged files whatever they like
            problems.append(f"{extension}: {short(error, 200)}")
    if {"alpha.png", "mask.png"} <= set(arrays):
        if "cutout.png" in arrays and not np.array_equal(arrays["cutout.png"][..., 3], arrays["alpha.png"]):
            problems.append("cutout.png: its transparency is not alpha.png")
        problems += _mask_problems(row, arrays["alpha.png"], arrays["mask.png"], description)
    return row, problems


def _decoded(extension: str, content: bytes, size: tuple[int, int], codes: int, values: MaskValues) -> np.ndarray:
    if extension in ("alpha.png", "mask.png"):
        alpha = extension == "alpha.png"
        array = whole_images.decode_alpha(content) if alpha else whole_images.decode_mask(content, values)
        if array.shape != size:
            raise ValueError(f"{array.shape[0]}×{array.shape[1]} pixels; expected {size[0]}×{size[1]}")
        return array
    if extension == "cutout.png":
        return whole_images.decode_cutout(content, size)
    if extension == "w.npy":
        return _codes(content, codes)
    return whole_images.decode_picture(content, extension.rpartition(".")[2], size)


def _codes(content: bytes, count: int) -> np.ndarray:
    """Mapped codes, of the foreground and, where the generator drew it, of the background."""
    file = io.BytesIO(content)
    w = np.load(file, allow_pickle=False)
    if w.dtype != np.float32 or w.ndim != 2 or len(w) != count or not np.isfinite(w).all() or file.read(1):
        raise ValueError(f"{w.dtype} {w.shape}; expected finite float32 ({count}, w_dim) and nothing after it")
    return w


def _row(content: bytes) -> dict[str, Any] | None:
    """The metadata, if they are exactly as the writer writes them."""
    try:
        row = read_json(content, "json", kind=dict)
        schema.table([row])
        return row if json.dumps(row, separators=(",", ":")).encode() == content else None
    except (Unreadable, ValueError, TypeError, OverflowError):
        return None


def _row_problems(row: Mapping[str, Any], index: int, shard: int, settings: Mapping[str, Any]) -> Iterator[str]:
    expected = {"key": f"{index:09d}", "index": index, "shard": shard}
    expected |= {name: settings[name] for name in ("seed", "psi", "background_psi", "threshold") if name in settings}
    for name, value in expected.items():
        if row[name] != value:
            yield f"json: {name} is {row[name]!r}; expected {value!r}"


def _mask_problems(
    row: Mapping[str, Any], alpha: np.ndarray, mask: np.ndarray, description: Mapping[str, Any]
) -> Iterator[str]:
    expected = _mask_of(alpha, row, description)
    if expected is not None and not np.array_equal(mask, expected):
        yield f"mask.png: {int((mask != expected).sum())} pixels differ from what alpha.png gives"
    for name, value in score(alpha, mask, row["threshold"]).items():
        if row[name] != value if name in _EXACT else abs(row[name] - value) > _ROUNDING:
            yield f"json: {name} is {row[name]}, the masks give {value}"


def _mask_of(alpha: np.ndarray, row: Mapping[str, Any], description: Mapping[str, Any]) -> np.ndarray | None:
    """The mask that follows from an alpha; None for imported images, whose masks do not."""
    law = masks.law_of(description)
    return None if law is None else masks.make_mask(alpha, replace(law, threshold=row["threshold"]))
