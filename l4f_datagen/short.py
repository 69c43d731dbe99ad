"""What a file holds, as text for a message: any value at all, in bounded time, in one line, safe for a terminal."""

import datetime
import decimal
import uuid
from collections import deque
from collections.abc import Iterator, KeysView, Mapping, Set, ValuesView
from enum import Enum
from pathlib import PurePath

from .addresses import hidden

_DEEPEST = 8
_BITS_PER_DIGIT = 3.3219281
_PLAIN = (float, complex, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, PurePath, Enum)
"""What is told by ``str``; none of them holds values of any other kind."""
_SEQUENCES = (list, tuple, deque, Set, KeysView, ValuesView)
_BRACKETS = {list: "[]", tuple: "()"}


def short(value: object, most: int = 60, *, quotes: bool = False) -> str:
    """A value as text of at most ``most`` characters, the last one "…" where something is left out.

    Values may be deep, circular, or hold the same list a thousand times: work ends when the text is long enough. The
    text is one line without control characters, whatever the value says.

    Args:
        value: anything. Text is told as it is, an error by its message, an array by its shape, what is of no common
            type by the name of its type; nothing that the value could define itself is called.
        quotes: put text into quotation marks, as text inside lists always is.
    """
    told, room = [], most
    for piece in _pieces(value, most, quotes, 0):
        told.append(piece)
        room -= len(piece)
        if room < 0:
            break
    return _cut("".join(told), most)


def _pieces(value: object, most: int, quotes: bool, depth: int) -> Iterator[str]:
    """The text in parts. None is empty, so that whoever counts their letters need not wait for ever."""
    if isinstance(value, str):
        yield _text(value, most, quotes)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        yield _bytes(value, most)
    elif value is None or isinstance(value, bool):
        yield str(value)
    elif isinstance(value, int) and not isinstance(value, Enum):
        yield _integer(value)
    elif isinstance(value, BaseException):
        yield from _error(value, most, depth)
    elif isinstance(value, _PLAIN):
        yield _text(str(value), most, False)
    elif isinstance(value, Mapping):
        yield from _mapping(value, most, depth)
    elif isinstance(value, _SEQUENCES):
        yield from _sequence(value, most, depth)
    else:
        yield from _thing(value, most, depth)


def _text(value: str, most: int, quotes: bool) -> str:
    # Blanks are drawn together below, so there is more to look at than is shown; not much more.
    seen = str.__getitem__(value, slice(4 * most + 4))
    whole = len(seen) == len(value)
    # Before it is cut: of a part of an address nobody could tell what is a user and what a host.
    seen = hidden(seen) if ":/" in seen or "%" in seen else seen
    line = " ".join(seen.split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    # What ends before the room does may still go on behind the part that was looked at.
    line = line if whole else f"{line}…"
    return repr(_cut(line, max(1, most - 2))) if quotes or not line else _cut(line, most)


def _bytes(value: bytes | bytearray | memoryview, most: int) -> str:
    try:
        seen = bytes(value[: most + 1])
    except (TypeError, NotImplementedError, ValueError):  # a view of no simple form
        return "memoryview"
    return _cut(repr(seen), most)


def _integer(value: int) -> str:
    # Python itself refuses to write numbers of more than some thousand digits, and others take their time.
    bits = int.bit_length(value)
    if bits <= 128:
        return int.__repr__(value)
    return f"{'-' if value < 0 else ''}(a number of about {int(bits / _BITS_PER_DIGIT) + 1} digits)"


def _error(error: BaseException, most: int, depth: int) -> Iterator[str]:
    """Its message. Errors that say nothing but their arguments would write them out whole."""
    if type(error).__str__ in (BaseException.__str__, Exception.__str__, KeyError.__str__):
        arguments = error.args[0] if len(error.args) == 1 else error.args
        if arguments in ((), "") or depth >= _DEEPEST:
            yield type(error).__name__
        else:
            yield from _pieces(arguments, most, False, depth + 1)
        return
    text = str(error)
    yield _text(text, most, False) if text.strip() else type(error).__name__


def _mapping(value: Mapping, most: int, depth: int) -> Iterator[str]:
    yield "{"
    if depth >= _DEEPEST:
        yield "…"
    else:
        for index, (name, item) in enumerate(value.items()):
            if index:
                yield ", "
            yield from _pieces(name, most, True, depth + 1)
            yield ": "
            yield from _pieces(item, most, True, depth + 1)
    yield "}"


def _sequence(value, most: int, depth: int) -> Iterator[str]:
    opening, closing = _BRACKETS.get(type(value), "{}" if isinstance(value, Set) else "[]")
    yield opening
    if depth >= _DEEPEST:
        yield "…"
    else:
        for index, item in enumerate(value):
            if index:
                yield ", "
            yield from _pieces(item, most, True, depth + 1)
        if type(value) is tuple and len(value) == 1:
            yield ","
    yield closing


def _thing(value: object, most: int, depth: int) -> Iterator[str]:
    """A class by its name; a number of NumPy's by its value; an array by its shape; all else by its class."""
    if isinstance(value, type):
        yield _text(value.__name__, most, False)
        return
    name = _text(type(value).__name__, most, False)
    shape = getattr(value, "shape", None)
    item = getattr(value, "item", None) if type(value).__module__ == "numpy" and shape == () else None
    number = item() if item is not None else None
    if isinstance(number, (int, float, complex, str, bytes)) and depth < _DEEPEST:
        yield from _pieces(number, most, True, depth + 1)
    elif isinstance(shape, tuple):
        yield f"{name} of shape "
        yield from _pieces(tuple(shape), most, True, depth + 1)
    else:
        yield name


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
