"""What a command writes where the user says, and JSON on standard output."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..addresses import hidden_within
from ..progress import live
from ..storage import atomic
from ..storage.opening import local_place


def check_file(path: str | Path, flag: str) -> Path:
    """The path of a result's file, asked for before the work.

    Raises:
        UserError: nothing can be written there; names the flag.
    """
    found = local_place(path, flag)
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


_json = False
_collected: list[Any] | None = None


@contextlib.contextmanager
def as_json() -> Iterator[None]:
    """While it lasts, results are one JSON object each on standard output, and nothing else is written there."""
    global _json
    before, _json = _json, True
    try:
        yield
    finally:
        _json = before


def wants_json() -> bool:
    """Whether results are to be JSON."""
    return _json


@contextlib.contextmanager
def collected() -> Iterator[list[Any]]:
    """While it lasts, results are parts of a larger one: as JSON they are kept in the list, as text they are shown."""
    global _collected
    before, _collected = _collected, []
    try:
        yield _collected
    finally:
        _collected = before


def result(text: str, value: Mapping[str, Any]) -> None:
    """Tell what a command has done.

    Args:
        text: for people: lines on standard output.
        value: the same for programs: a JSON object in place of the text where ``--json`` asks for it.
    """
    if not _json:
        click.echo(text)
    elif _collected is not None:
        _collected.append(dict(value))
    else:
        print_json(dict(value))


def note(text: str) -> None:
    """A line on standard error, for those who have not asked for quiet."""
    if not live.quiet():
        click.echo(text, err=True)
