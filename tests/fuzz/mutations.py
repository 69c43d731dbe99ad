"""Changes of files: of bytes, and of JSON by its structure."""

import json
import random
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

NUMBERS = (b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\xff" * 8, b"\0\0\0\x80", b"\x01")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 10**6, 10**9, 10**12, 2**31, 2**63 - 1, -(2**63), 2**64, 10**400, 0.5, -0.0, 1e9,
    1e300, float("nan"), float("inf"), float("-inf"), "", "a", "0", "../../etc/passwd", "/dev/zero", "x" * 10_000,
    "ü\u202e", "a\nb", "\x1b[31m", [], {}, [[]], [None], {"a": 1}, [0] * 1000, "\ud800", "\0",
)  # fmt: skip
"""What stands where something else was expected."""


def bytes_mutated(content: bytes, others: Sequence[bytes], tokens: Sequence[bytes], numbers: random.Random) -> bytes:
    """A file changed in one to four places, or cut short."""
    if numbers.random() < 0.1:
        return content[: numbers.randrange(len(content) + 1)]
    for _ in range(numbers.randint(1, 4)):
        change = numbers.choice(_CHANGES)
        content = change(content, numbers.choice(tokens or NUMBERS) if change is _token else others, numbers)
    return content


def json_mutated(content: bytes, numbers: random.Random) -> bytes:
    """A JSON file with one to three values replaced, left out, repeated or nested."""
    value = json.loads(content)
    for _ in range(numbers.randint(1, 3)):
        value = _json_changed(value, numbers)
    return json.dumps(value).encode()


def _json_changed(value: Any, numbers: random.Random) -> Any:
    places = list(_places(value))
    if not places:
        return deepcopy(numbers.choice(VALUES))
    inside, key = numbers.choice(places)
    kind = numbers.random()
    if kind < 0.55:
        inside[key] = deepcopy(numbers.choice(VALUES))
    elif kind < 0.7:
        del inside[key]
    elif kind < 0.8:
        inside[key] = [inside[key]] * numbers.choice((1, 2, 100))
    elif kind < 0.87:
        for _ in range(numbers.choice((1, 70, 400))):
            inside[key] = [inside[key]]
    elif kind < 0.95:
        other, its_key = numbers.choice(places)
        if its_key in other if isinstance(other, dict) else its_key < len(other):
            inside[key] = json.loads(json.dumps(other[its_key]))
    elif isinstance(inside, dict):
        inside[numbers.choice(("", "a", "size", "__class__", "counts"))] = deepcopy(numbers.choice(VALUES))
    else:
        inside.insert(key, deepcopy(numbers.choice(VALUES)))
    return value


def _places(value: Any) -> Any:
    """Every place in a value, as its container and the key there; not below what is very deep."""
    waiting, depth = [value], 0
    while waiting and depth < 50:
        following = []
        for outer in waiting:
            if isinstance(outer, (dict, list)):
                keys = list(outer) if isinstance(outer, dict) else range(min(len(outer), 50))
                yield from ((outer, key) for key in keys)
                following += [outer[key] for key in keys]
        waiting, depth = following, depth + 1


def _position(content: bytes, numbers: random.Random) -> int:
    # What tells of the rest stands at the start and at the end; half of the changes go there.
    size, kind = len(content), numbers.random()
    if kind < 0.3:
        return numbers.randrange(min(size, 600) or 1)
    if kind < 0.5:
        return size - 1 - numbers.randrange(min(size, 600)) if size else 0
    return numbers.randrange(size or 1)


def _flip(content: bytes, others: Sequence[bytes], numbers: random.Random) -> bytes:
    at = _position(content, numbers)
    changed = bytes([content[at] ^ 1 << numbers.randrange(8)]) if content else b""
    return content[:at] + changed + content[at + 1 :]


def _byte(content: bytes, others: Sequence[bytes], numbers: random.Random) -> bytes:
    at = _position(content, numbers)
    return content[:at] + bytes([numbers.randrange(256)]) + content[at + 1 :]


def _number(content: bytes, others: Sequence[bytes], numbers: random.Random) -> bytes:
    at, number = _position(content, numbers), numbers.choice(NUMBERS)
    return content[:at] + number + content[at + len(number) :]


def _cut(content: bytes, others: Sequence[bytes], numbers: random.Random) -> bytes:
    at = _position(content, numbers)
    return content[:at] + content[at + numbers.choice((1, 4, 64, 512, 4096)) :]


def _repeat(content: bytes, others: Sequence[bytes], numbers: random.Random) -> bytes:
    at, size = _position(content, numbers), numbers.choice((1, 4, 64, 512))
    return content[: at + size] + content[at : at + size] * numbers.choice((1, 8, 1000)) + content[at + size :]


def _splice(content: bytes, others: Sequence[bytes], numbers: random.Random) -> bytes:
    at, other = _position(content, numbers), numbers.choice(others)
    start = _position(other, numbers)
    return content[:at] + other[start : start + numbers.choice((4, 64, 512))] + content[at:]


def _zeros(content: bytes, others: Sequence[bytes], numbers: random.Random) -> bytes:
    at, size = _position(content, numbers), numbers.choice((16, 512, 1 << 20))
    empty = content[at : at + size]
    return content[:at] + bytes(len(empty)) + content[at + size :]


def _token(content: bytes, token: bytes, numbers: random.Random) -> bytes:
    at = _position(content, numbers)
    return content[:at] + token + content[at + numbers.choice((0, len(token))) :]


_CHANGES: tuple[Callable, ...] = (_flip, _byte, _number, _cut, _repeat, _splice, _zeros, _token, _token)
