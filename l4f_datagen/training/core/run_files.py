"""The files of a training run that are read back: its settings and its log, looked at in every field."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...documents import JSON_BYTES, Unreadable, read_file, read_json
from ...errors import UserError
from ...short import short

FORMAT = "l4f-datagen-run"
VERSION = 1
SETTINGS, LOG = "settings.json", "log.jsonl"
_LOG_BYTES = 256 << 20
_LINE_BYTES = 1 << 16


def read_settings(path: Path) -> dict[str, Any]:
    """``settings.json`` of a run.

    Raises:
        UserError: there is none, it is not ours, or it is damaged.
    """
    file = path / SETTINGS
    try:
        found = read_json(read_file(file, most=JSON_BYTES), str(file), kind=dict)
    except Unreadable as error:
        problem = error.got if file.exists() else "no such file"
    else:
        wrong = [
            name for name, kind in (("stage", str), ("settings", dict), ("identity", dict))
            if not isinstance(found.get(name), kind)
        ]  # fmt: skip
        if found.get("format") != FORMAT or found.get("version") != VERSION:
            problem = f'"format": {short(found.get("format"), quotes=True)}'
        elif wrong:
            problem = f"{short(found.get(wrong[0]))} for {wrong[0]}"
        else:
            return found
    raise UserError(str(file), got=problem, expected=f'"format": "{FORMAT}"', remedy="name the folder of a run")


def log_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log, up to the first one that is none: a kill cut it short, or something damaged it.

    A line has an ``iteration``, a number of 0 or more; what else it has are numbers, or text (``warning``, ``news``).

    Raises:
        Unreadable: the file cannot be read, or is longer than any log.
    """
    content = read_file(file, most=_LOG_BYTES)
    if len(content) > _LOG_BYTES:
        raise Unreadable(
            str(file), got=f"a log of more than {_LOG_BYTES} bytes", expected="that of a run", remedy="remove it"
        )
    for number, text in enumerate(content.splitlines(), 1):
        try:
            line = read_json(text, f"{file}, line {number}", kind=dict, most=_LINE_BYTES, finite=False)
        except Unreadable:
            return
        iteration = line.get("iteration")
        if type(iteration) is not int or iteration < 0 or not all(type(v) in (int, float, str) for v in line.values()):
            return
        yield line


def as_line(line: dict[str, Any]) -> bytes:
    """One line of a log as it is written."""
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"
