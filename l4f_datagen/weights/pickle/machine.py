"""The state of a pickle machine that cannot execute, and the inert values that it builds."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from ...short import short

MAX_OPERATIONS = 500_000
"""Opcodes of one file together; the largest published checkpoints have some ten thousand."""
MAX_MARKS = 256
"""How deep containers may be open inside each other; the published checkpoints stay below 20."""
MAX_LINE = 1024
MAX_ARGUMENTS = 64
"""Of one call; torch's and NVIDIA's have at most seven."""
_MAX_KEY = 16
_MAX_ALIKE = 8
_KEY_TYPES = (str, bytes, int, float, bool, type(None))


class Damaged(ValueError):
    """The bytes are no complete pickle, or do not mean what a checkpoint means."""


class Forbidden(ValueError):
    """The pickle asks for something that is not on the allow-list; the message names it."""


@dataclass(eq=False)
class Allowance:
    """What reading one file may still cost (opcodes, bytes of tensors), and which records it may ask for."""

    bytes: int
    operations: int = MAX_OPERATIONS
    records: frozenset[str] = frozenset()
    """Classes that the known families of checkpoints pickle their networks as: each is answered by an inert record."""
    _keys: dict[int, list] = field(default_factory=dict)

    def work(self, count: int) -> None:
        """Take operations off. Raises Forbidden where too few are left."""
        self.operations -= count
        if self.operations < 0:
            raise Forbidden(f"more than {MAX_OPERATIONS} operations")

    def spend(self, count: int) -> None:
        """Take bytes of tensors off. Raises Forbidden where too few are left."""
        self.bytes -= count
        if self.bytes < 0:
            raise Forbidden("more bytes of tensors than the file can hold")

    def key(self, value: object) -> object:
        """``value`` if it may be a key or a member of a set: scalars and short flat tuples of them.

        Nested tuples are hashed recursively by the interpreter itself, which a deep one would crash, and long ones
        anew every time. Numbers of the same hash can be made at will (k·(2⁶¹ − 1), and tuples of them), and every
        one in a dictionary is compared with all the others; text is hashed with a secret.

        Raises:
            Forbidden: it may not.
        """
        if type(value) is str:
            return value
        flat = value if type(value) is tuple else (value,)
        if len(flat) > _MAX_KEY or not all(type(item) in _KEY_TYPES or isinstance(item, StandIn) for item in flat):
            raise Forbidden(f"a key that is a {type(value).__name__}")
        if type(value) is not bytes:
            alike = self._keys.setdefault(hash(value), [])
            if value not in alike:
                alike.append(value)
            if len(alike) > _MAX_ALIKE:
                raise Forbidden("keys that are made to collide")
        return value


@dataclass(frozen=True, eq=False)
class StandIn:
    """What answers a global of the allow-list. ``make`` builds an inert value; None where nothing may be built."""

    name: str
    make: Callable[..., object] | None = None

    def build(self, arguments: object) -> object:
        """Answer a call of the global."""
        if self.make is None or not isinstance(arguments, tuple):
            raise Forbidden(f"a call of {self.name}")
        # What is made keeps them; a long tuple in the memo could be handed over a hundred thousand times.
        if len(arguments) > MAX_ARGUMENTS:
            raise Forbidden(f"a call of {self.name} with {len(arguments)} arguments")
        return self.make(*arguments)


class Record:
    """An inert instance of a class that was never imported: its name, what it was made from, its state."""

    __slots__ = ("arguments", "kind", "state")

    def __init__(self, kind: str, arguments: tuple = ()):
        self.kind, self.arguments, self.state = kind, arguments, None

    def set_state(self, state: object) -> None:
        """Answer BUILD."""
        self.state = state


class Machine:
    """Bytes, stack and memo; ``opcodes`` holds what moves them."""

    def __init__(self, data, allowed, allowance, persistent):
        self.data, self.position = data, 0
        self.allowed, self.allowance, self.persistent = allowed, allowance, persistent
        self.stack: list = []
        self.marks: list[list] = []
        self.memo: dict[int, object] = {}

    def take(self, count: int) -> memoryview:
        """The next bytes; a length that the file does not have is refused before anything is made."""
        start, self.position = self.position, self.position + count
        if self.position > len(self.data):
            raise Damaged("the pickle ends too early")
        return self.data[start : self.position]

    def number(self, layout: str) -> int:
        """A whole number of a layout of ``struct``, from the next bytes."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def real(self) -> float:
        return struct.unpack(">d", self.take(8))[0]

    def line(self, encoding: str = "utf-8") -> str:
        window = bytes(self.data[self.position : self.position + MAX_LINE])
        end = window.find(b"\n")
        if end < 0:
            raise Damaged("a line of the pickle does not end")
        self.position += end + 1
        return window[:end].decode(encoding)

    def open(self) -> None:
        if len(self.marks) >= MAX_MARKS:
            raise Forbidden(f"containers nested deeper than {MAX_MARKS}")
        self.marks.append(self.stack)
        self.stack = []

    def close(self) -> list:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def resolve(self, module: object, name: object) -> StandIn:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Damaged("a global without a name")
        try:
            return self.allowed[module, name]
        except KeyError:
            raise Forbidden(f"{short(module, 80)}.{short(name, 80)}") from None

    def call(self, function: object, arguments: object) -> object:
        if not isinstance(function, StandIn):
            raise Forbidden(f"a call of a {type(function).__name__}")
        return function.build(arguments)
