"""The folder of edits: begun, continued or refused, a subject's own folder there whole or not at all."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..addresses import hidden_within
from ..documents import JSON_BYTES, Unreadable, read_file, read_json
from ..errors import UserError
from ..mask_files import values as mask_values
from ..mask_files.values import MaskValues
from ..settings import same
from ..short import short
from ..storage import atomic, atomic_folders
from ..storage.lock import writing

SETTINGS, RESULT, SHEET, GIF = "settings.json", "edit.json", "sheet.png", "edit.gif"
FRAMES, PLAIN, MASKS, ALPHAS = "frames", "plain", "masks", "alphas"
ORIGINAL, BACKGROUND = "original.png", "background.png"
FORMAT, VERSION = "l4f-datagen-edit", 1
DIGEST = "digest"


@contextmanager
def opened(out: Path, description: Mapping[str, Any], *, overwrite: bool) -> Iterator[MaskValues]:
    """Have the folder for oneself while the block lasts: a new one, or one that was begun with the same identity.

    Gives what its mask files hold: in a folder that is continued, what those hold that are there.

    Args:
        description: as ``settings.same.describe`` gives it.
        overwrite: remove the edits that are there; other files stay.

    Raises:
        UserError: it holds other things or edits of another identity, or somebody else writes there.
    """
    atomic.check_folder(out, f"out {out}")
    with writing(out):
        described = dict(description)
        defaults: Collection[str] = described.pop(same.DEFAULTS, ())
        described = hidden_within({"format": FORMAT, "version": VERSION, **described})
        if (out / SETTINGS).exists():
            found = read_settings(out)
            if overwrite:
                _remove(out)
            elif next(out.rglob(f"*/{RESULT}"), None):
                same.check(out, "edits", found, described, defaults)
                described[mask_values.SETTING] = mask_values.of_pictures(found)
        elif foreign := sorted(path.name for path in out.iterdir() if not path.name.startswith(".")):
            raise UserError(
                f"out {out}", got=f"a folder without {SETTINGS} that holds {short(foreign[0])}",
                expected="a new or empty folder, or one of edits to continue", remedy="choose another folder",
            )  # fmt: skip
        atomic_folders.settle(out)
        atomic.write_bytes(out / SETTINGS, _to_json(described))
        yield mask_values.of_pictures(described)


def finished(out: Path, key: str, digest: str) -> dict[str, Any] | None:
    """What was noted of a subject that was edited before; None where it was not, or another one had its key."""
    place = out / key / RESULT
    if not place.is_file():
        return None
    try:
        found = read_json(read_file(place, most=JSON_BYTES), str(place), kind=dict)
    except Unreadable:
        return None  # it is made again
    steps = found.get("steps")
    sound = isinstance(steps, list) and all(isinstance(step, dict) for step in steps)
    return found if sound and found.get(DIGEST) == digest else None


def read_result(folder: Path) -> dict[str, Any]:
    """``edit.json`` of a finished folder of edits: ``steps``, ``left_out``, ``worst`` and ``subjects``.

    Raises:
        UserError: it cannot be read, or is another's.
    """
    path = folder / RESULT
    try:
        found = read_json(read_file(path, most=JSON_BYTES), str(path), kind=dict)
    except Unreadable as error:
        problem = error.got
    else:
        kinds = {"steps": int, "left_out": list, "worst": dict, "subjects": dict}
        wrong = next((name for name, kind in kinds.items() if not isinstance(found.get(name), kind)), None)
        if wrong is None:
            return found
        problem = f"{short(found.get(wrong))} for {wrong}"
    raise UserError(
        str(path), got=problem, expected="the result of l4f-datagen edit", remedy="run the same l4f-datagen edit again"
    )


def write_result(folder: Path, value: Mapping[str, Any]) -> None:
    """Write ``edit.json``."""
    atomic.write_bytes(folder / RESULT, _to_json(hidden_within(dict(value))))


def _to_json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def read_settings(folder: Path) -> dict[str, Any]:
    """``settings.json`` of a folder of edits: ``settings`` and ``identity``.

    Raises:
        UserError: it cannot be read, or is another's.
    """
    path = folder / SETTINGS
    try:
        found = read_json(read_file(path, most=JSON_BYTES), str(path), kind=dict)
        problem = f'"format": {short(found.get("format"), quotes=True)}'
        if found.get("format") == FORMAT and found.get("version") == VERSION:
            if isinstance(found["identity"], dict) and isinstance(found.get("settings", {}), dict):
                return found
            problem = "settings or identity of another kind"
    except (Unreadable, KeyError) as error:
        problem = error.got if isinstance(error, Unreadable) else "no identity"
    raise UserError(str(path), got=problem, expected=f'"format": "{FORMAT}"', remedy="choose another folder")


def _remove(out: Path) -> None:
    """Remove edits. ``settings.json`` stays until the new one takes its place."""
    for name in (RESULT, SHEET):
        (out / name).unlink(missing_ok=True)
    for result in sorted(out.rglob(f"*/{RESULT}")):
        atomic_folders.remove(result.parent)
