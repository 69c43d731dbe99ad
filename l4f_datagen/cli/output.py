"""What a command writes where the user says, and JSON on standard output."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from ..addresses import hidden_within
from ..storage import atomic


def check_file(path: str | Path, flag: str) -> Path:
    """The path of a result's file, asked for before the work.

    Raises:
        UserError: nothing can be written there; names the flag.
    """
    found = Path(path).expanduser()
    atomic.check_file(found, f"{flag} {path}")
    return found


def print_json(value: Any) -> None:
    """Print a JSON value, addresses without their keys; in ASCII where the terminal or the pipe takes nothing else."""
    value = hidden_within(value)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    can_show = getattr(sys.stdout, "can_show", None)
    click.echo(text if can_show is None or can_show(text) else json.dumps(value, indent=2))


def write_file(path: str | Path, content: bytes, flag: str) -> Path:
    """Write a file, creating its folder; what was there stays until the new one is whole.

    Raises:
        UserError: that is not possible; names the flag.
        WorkError: the disk is full.
    """
    found = check_file(path, flag)
    atomic.write_bytes(found, content)
    return found
