"""The opcodes of protocols 0 to 5 that build plain values, and what each does to the machine."""

import pickle
import re
from collections.abc import Callable
from typing import TypeVar

from .machine import MAX_LINE, Damaged, Forbidden, Machine

Operation = Callable[[Machine], None]
OPERATIONS: dict[int, Operation] = {}
"""Opcode → what it does."""
Kind = TypeVar("Kind")
MAX_INTEGER = 16
"""Bytes of a whole number."""
_MAX_DIGITS = 40
"""Digits of a whole number in the text opcodes."""
_LONG_TEXT = 1 << 16
"""Bytes from which on a text may hold characters of Latin-1 only."""
_BEYOND_LATIN_1 = re.compile(rb"[\xc4-\xff]")


def _bytes(machine: Machine, count: int) -> bytes | memoryview:
    """The next bytes. Long ones, which are those of tensors, are no copy but a view of the file."""
    if count < 0:
        raise Damaged("a negative length")
    view = machine.take(count)
    return view if count > MAX_LINE else bytes(view)


def _text(machine: Machine, count: int) -> str:
    view = machine.take(count)
    # With one character beyond Latin-1, Python keeps every character of a text in two or four bytes. Long texts are
    # bytes that old protocols write as Latin-1, so no honest file has such a character.
    if count > _LONG_TEXT and _BEYOND_LATIN_1.search(view):
        raise Forbidden(f"a text of {count} bytes")
    return str(view, "utf-8", "surrogatepass")


def _python2_text(machine: Machine, count: int) -> str:
    if count < 0:
        raise Damaged("a negative length")
    return str(machine.take(count), "latin-1")


def _integer(machine: Machine, count: int) -> int:
    if not 0 <= count <= MAX_INTEGER:
        raise Forbidden(f"an integer of {count} bytes")
    return int.from_bytes(machine.take(count), "little", signed=True)


def _integer_line(machine: Machine) -> int | bool:
    text = machine.line()
    if text in ("00", "01"):
        return text == "01"
    return _decimal(text.removesuffix("L"))


def _decimal(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise Forbidden(f"an integer of {len(text)} digits")
    return int(text)


def _quoted(machine: Machine) -> str:
    text = machine.line()
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"" or "\\" in text:
        raise Damaged("a quoted string of an old pickle")
    return text[1:-1]


def operation(code: bytes) -> Callable[[Operation], Operation]:
    """Register a function as what an opcode does."""

    def register(function: Operation) -> Operation:
        OPERATIONS[code[0]] = function
        return function

    return register


def _pushes(code: bytes, value: Callable[[Machine], object]) -> None:
    def push(machine: Machine) -> None:
        made = value(machine)  # before the stack is looked up: it may close the container and so change stacks
        machine.stack.append(made)

    OPERATIONS[code[0]] = push


for _code, _value in (
    (pickle.NONE, lambda m: None),
    (pickle.NEWTRUE, lambda m: True),
    (pickle.NEWFALSE, lambda m: False),
    (pickle.INT, _integer_line),
    (pickle.LONG, _integer_line),
    (pickle.BININT, lambda m: m.number("<i")),
    (pickle.BININT1, lambda m: m.number("<B")),
    (pickle.BININT2, lambda m: m.number("<H")),
    (pickle.LONG1, lambda m: _integer(m, m.number("<B"))),
    (pickle.LONG4, lambda m: _integer(m, m.number("<i"))),
    (pickle.FLOAT, lambda m: float(m.line())),
    (pickle.BINFLOAT, lambda m: m.real()),
    (pickle.STRING, _quoted),
    (pickle.BINSTRING, lambda m: _python2_text(m, m.number("<i"))),
    (pickle.SHORT_BINSTRING, lambda m: _python2_text(m, m.number("<B"))),
    (pickle.UNICODE, lambda m: m.line("raw-unicode-escape")),
    (pickle.SHORT_BINUNICODE, lambda m: _text(m, m.number("<B"))),
    (pickle.BINUNICODE, lambda m: _text(m, m.number("<I"))),
    (pickle.BINUNICODE8, lambda m: _text(m, m.number("<Q"))),
    (pickle.SHORT_BINBYTES, lambda m: _bytes(m, m.number("<B"))),
    (pickle.BINBYTES, lambda m: _bytes(m, m.number("<I"))),
    (pickle.BINBYTES8, lambda m: _bytes(m, m.number("<Q"))),
    (pickle.BYTEARRAY8, lambda m: _bytes(m, m.number("<Q"))),
    (pickle.EMPTY_LIST, lambda m: []),
    (pickle.EMPTY_DICT, lambda m: {}),
    (pickle.EMPTY_SET, lambda m: set()),
    (pickle.EMPTY_TUPLE, lambda m: ()),
    (pickle.LIST, lambda m: m.close()),
    (pickle.TUPLE, lambda m: tuple(m.close())),
    (pickle.FROZENSET, lambda m: frozenset(map(m.allowance.key, m.close()))),
    (pickle.DUP, lambda m: m.stack[-1]),
    (pickle.GET, lambda m: m.memo[_decimal(m.line())]),
    (pickle.BINGET, lambda m: m.memo[m.number("<B")]),
    (pickle.LONG_BINGET, lambda m: m.memo[m.number("<I")]),
    (pickle.GLOBAL, lambda m: m.resolve(m.line(), m.line())),
):
    _pushes(_code, _value)


@operation(pickle.PROTO)
def _protocol(machine: Machine) -> None:
    if (version := machine.take(1)[0]) > pickle.HIGHEST_PROTOCOL:
        raise Damaged(f"pickle protocol {version}")


@operation(pickle.FRAME)
def _frame(machine: Machine) -> None:
    machine.take(8)


@operation(pickle.MARK)
def _mark(machine: Machine) -> None:
    machine.open()


@operation(pickle.POP)
def _pop(machine: Machine) -> None:
    # Where the stack is empty since the last mark, POP takes the mark.
    if machine.stack:
        machine.stack.pop()
    else:
        machine.close()


@operation(pickle.POP_MARK)
def _pop_mark(machine: Machine) -> None:
    machine.close()


@operation(pickle.TUPLE1)
def _tuple1(machine: Machine) -> None:
    machine.stack[-1] = (machine.stack[-1],)


@operation(pickle.TUPLE2)
def _tuple2(machine: Machine) -> None:
    last = machine.stack.pop()
    machine.stack[-1] = (machine.stack[-1], last)


@operation(pickle.TUPLE3)
def _tuple3(machine: Machine) -> None:
    last, middle = machine.stack.pop(), machine.stack.pop()
    machine.stack[-1] = (machine.stack[-1], middle, last)


@operation(pickle.DICT)
def _dict(machine: Machine) -> None:
    items, key = machine.close(), machine.allowance.key
    machine.stack.append({key(k): v for k, v in zip(items[::2], items[1::2], strict=True)})


@operation(pickle.SETITEM)
def _set_item(machine: Machine) -> None:
    value, name = machine.stack.pop(), machine.stack.pop()
    _expect(machine.stack[-1], dict)[machine.allowance.key(name)] = value


@operation(pickle.SETITEMS)
def _set_items(machine: Machine) -> None:
    items, key = machine.close(), machine.allowance.key
    target = _expect(machine.stack[-1], dict)
    target.update((key(k), v) for k, v in zip(items[::2], items[1::2], strict=True))


@operation(pickle.APPEND)
def _append(machine: Machine) -> None:
    item = machine.stack.pop()
    _expect(machine.stack[-1], list).append(item)


@operation(pickle.APPENDS)
def _appends(machine: Machine) -> None:
    items = machine.close()
    _expect(machine.stack[-1], list).extend(items)


@operation(pickle.ADDITEMS)
def _add_items(machine: Machine) -> None:
    items = machine.close()
    _expect(machine.stack[-1], set).update(map(machine.allowance.key, items))


def _expect(target: object, kind: type[Kind]) -> Kind:
    if type(target) is not kind:
        raise Forbidden(f"items put into a {type(target).__name__}")
    return target


@operation(pickle.MEMOIZE)
def _memoize(machine: Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


@operation(pickle.PUT)
def _put(machine: Machine) -> None:
    machine.memo[_decimal(machine.line())] = machine.stack[-1]


@operation(pickle.BINPUT)
def _binput(machine: Machine) -> None:
    machine.memo[machine.number("<B")] = machine.stack[-1]


@operation(pickle.LONG_BINPUT)
def _long_binput(machine: Machine) -> None:
    machine.memo[machine.number("<I")] = machine.stack[-1]
