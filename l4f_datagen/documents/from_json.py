"""JSON files, read within bounds."""

import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn

from ..short import short
from .bounds import DEPTH, INTEGERS, Refused, Unreadable, check_word, of_kind, text_of

JSON_BYTES = 16 << 20
"""Bytes of a file; none of ours needs as many."""
_CONTAINERS = 10**7
"""Lists and objects that a file may hold; an empty one takes 64 bytes of memory and three of the file."""
_DIGITS = 20


def read_json(
    content: bytes, name: str, *, kind: type | tuple[type, ...] = object, most: int = JSON_BYTES, finite: bool = True
) -> Any:
    """The value of a JSON file.

    Args:
        name: what a user calls the file.
        kind: what the outermost value has to be, ``dict`` say.
        most: bytes that it may have.
        finite: refuse NaN and infinities.

    Raises:
        Unreadable: it is no JSON in UTF-8, or goes beyond what ``documents`` promises.
    """
    try:
        text = text_of(content, most)
        if _containers(content) > _CONTAINERS:
            raise Refused(f"more than {_CONTAINERS} lists and objects")
        value = (_FINITE if finite else _ANY).decode(text)
        _check_depth(value, _containers(content))
        if b"\\u" in content:
            _check_text(value)
        return of_kind(value, kind)
    except json.JSONDecodeError as error:
        problem = f"no JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except RecursionError:
        problem = f"more than {DEPTH} lists and objects within each other"
    except ValueError as error:
        problem = str(error)
    raise Unreadable(name, got=problem, expected="JSON in UTF-8", remedy="mend the file or name another")


def _containers(content: bytes) -> int:
    """At least as many as there are."""
    return content.count(b"[") + content.count(b"{")


def _check_depth(value: Any, containers: int) -> None:
    if containers <= DEPTH:
        return
    level = [value]
    for _ in range(DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise RecursionError


def _check_text(value: Any) -> None:
    """Refuse what JSON can spell and UTF-8 or a file's name cannot: halves of characters, and NUL."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            check_word(value)
        elif isinstance(value, dict):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _DIGITS or (value := int(text)) not in INTEGERS:
        raise Refused(f"the number {short(text, 30)}, which is larger than any that has a meaning")
    return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Refused(f"the number {short(text, 30)}, which is larger than any that has a meaning")
    return value


def _not_finite(text: str) -> NoReturn:
    raise Refused(f"{text}, which is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        _refuse_twice(key for key, _ in pairs)
    return made


def _refuse_twice(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise Refused(f"the key {short(key)} twice in one object")
        seen.add(key)


_FINITE = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_not_finite
)
_ANY = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)
