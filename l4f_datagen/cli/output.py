"""What a command writes where the user says, and JSON on standard output."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from ..addresses import hidden_within
from ..errors import UserError


def print_json(value: Any) -> None:
    """Print a JSON value, addresses without their keys; in ASCII where the terminal or the pipe takes nothing else."""
    value = hidden_within(value)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    can_show = getattr(sys.stdout, "can_show", None)
    click.echo(text if can_show is None or can_show(text) else json.dumps(value, indent=2))


def write_file(path: str | Path, content: bytes, flag: str) -> Path:
    """Write a file, creating its folder.

    Raises:
        UserError: that is not possible; names the flag.
    """
    path = Path(path).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(
            f"{flag} {path}", got=f"a place that cannot be written ({error.strerror})", expected="a writable path",
            remedy="choose another",
        ) from error  # fmt: skip
    return path
