"""Evaluations of an experiment: done once for the same settings and the same inputs, kept as JSON."""

import logging
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import weights
from ..addresses import hidden_within
from ..documents import Unreadable, read_file, read_json
from ..errors import UserError
from ..evaluation import tables
from ..evaluation.sets.frechet import GENERATOR
from ..settings import fingerprint, same
from ..shards.format import sealed
from ..storage import atomic
from ..weights.native import is_native, read_card
from ..weights.source import file_sha256
from .pieces import Piece

FILES = "safetensors"
_WORLD = "world:"
_MOST = 256 << 20  # bytes of a result, which tells of every image

logger = logging.getLogger(__name__)


def evaluate(piece: Piece[Any], folder: Path, measure: Callable[[], tables.Report]) -> tuple[dict[str, Any], bool]:
    """Measure what ``piece`` says into its file. Returns the content, and whether it had to be measured now.

    Paths below ``folder`` are written relative to it, so that it can be moved.

    Args:
        measure: called unless the same was measured before.

    Raises:
        UserError: an input is not there or cannot be used.
    """
    path = folder / piece.place
    values = relative(
        {"settings": piece.settings.model_dump(mode="json"), "inputs": hidden_within(dict(piece.looks_at))}, folder
    )
    key = {
        "fingerprint": fingerprint(values),
        "inputs": {role: digest(place) for role, place in piece.looks_at.items()},
    }
    found = read(path)
    if found is not None and found.get("inputs") == key["inputs"] and _asked_alike(found, key, values, piece):
        return found, False
    content = relative(read_json(tables.to_json(measure()).encode(), str(path), most=_MOST), folder) | key
    content["asked"] = values
    atomic.make_folder(path.parent)
    atomic.write_bytes(path, sealed.seal(content))
    return content, True


def _asked_alike(
    found: Mapping[str, Any], key: Mapping[str, Any], values: Mapping[str, Any], piece: Piece[Any]
) -> bool:
    """Whether a kept result was measured as the settings want it; what is younger than it and a default is no matter.

    Results of older versions say no more of that than their fingerprint.
    """
    if found.get("fingerprint") == key["fingerprint"]:
        return True
    before = found.get("asked")
    if not isinstance(before, dict) or before.get("inputs") != values["inputs"]:
        return False
    settings = before.get("settings")
    if not isinstance(settings, dict):
        return False
    return not same.differing(settings, values["settings"], piece.settings.defaults, known=settings)


def read(path: Path) -> dict[str, Any] | None:
    """A kept result; None if there is none that can be read."""
    if not path.exists():
        return None
    try:
        content = read_file(path, most=_MOST)
        found = read_json(content, str(path), kind=dict, most=_MOST)
        if sealed.KEY in found and not sealed.holds(content):
            raise Unreadable(str(path), got="another file than was written", expected="a result", remedy="remove it")
    except Unreadable as error:
        logger.warning("%s; it is measured again", error)
        return None
    rows = found.get("rows")
    sound = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    return {name: value for name, value in found.items() if name != sealed.KEY} if sound else None


def digest(place: str) -> str:
    """What tells an input from another one: a hash of weights or of a file; of other folders names and sizes.

    Raises:
        UserError: it is not there.
    """
    if place.startswith(_WORLD):
        return place
    found = weights.result_of(weights.locate(place.removeprefix(GENERATOR)))
    if found.is_file():
        return file_sha256(found)
    if is_native(found):
        return fingerprint({file.name: file_sha256(file) for file in found.glob(f"*.{FILES}")})
    files = (file for file in found.rglob("*") if file.is_file())
    return fingerprint({file.relative_to(found).as_posix(): file.stat().st_size for file in files})


def resolution_of(generator: str) -> int | None:
    """Height and width in pixels of a generator's images, as the card beside it says; None where there is none.

    Of rectangular images it is the side of a square of as many pixels: how long drawing takes goes by their number.
    """
    try:
        found = weights.result_of(weights.locate(generator))
        if not is_native(found):
            return None
        stated = read_card(found)["generator"]["architecture"]
        return round(math.sqrt(math.prod(stated["size"]))) if "size" in stated else stated["resolution"]
    except (UserError, KeyError, TypeError, ValueError):  # not trained yet, or another file; whoever uses it tells
        return None


def relative(value: Any, folder: Path) -> Any:
    """A JSON value with the paths below ``folder`` relative to it, wherever in a text."""
    if isinstance(value, str):
        return re.sub(rf"(?<![\w/.-]){re.escape(str(folder))}/", "", value)
    if isinstance(value, Mapping):
        return {key: relative(item, folder) for key, item in value.items()}
    return [relative(item, folder) for item in value] if isinstance(value, list) else value
