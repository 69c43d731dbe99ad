"""The state of a pickle machine that cannot execute, and the inert values that it builds."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...short import short

MAX_OPERATIONS = 500_000
"""Opcodes of all pickles of one file; the largest published checkpoints have some ten thousand."""
MAX_MARKS = 256
"""How many containers may be open inside each other; published checkpoints stay below 20."""
MAX_LINE = 1024
"""Bytes of a line in the text opcodes of old protocols, its end among them."""
MAX_ARGUMENTS = 64
"""Arguments of one call; torch's and NVIDIA's calls have at most seven."""
_MAX_KEY = 16
"""Entries of a tuple that is a key."""
_MAX_ALIKE = 8
"""Different keys of one hash in one file."""
_KEY_TYPES = (str, bytes, int, float, bool, type(None))


class Damaged(ValueError):
    """The bytes are no complete pickle, or do not mean what a checkpoint means."""


class Forbidden(ValueError):
    """The pickle asks for something that is not on the allow-list; the message names it."""


@dataclass(eq=False)
class Allowance:
    """What reading one file may still cost, in opcodes and bytes of tensors, and which records it may ask for."""

    bytes: int
    operations: int = MAX_OPERATIONS
    records: frozenset[str] = frozenset()
    """Classes ("module.Name") that the families of checkpoints pickle; each is answered by an inert ``Record``."""
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
        """``value``, if it may be a key or a member of a set: a scalar, or a short flat tuple of scalars.

        A deeply nested tuple would crash the interpreter, which hashes it recursively, and a long one costs time
        whenever it is hashed. Different numbers of one hash are easy to make (k·(2⁶¹ − 1), and tuples of them), and
        a dictionary compares each with all others; text is safe, since Python hashes it with a secret.

        Raises:
            Forbidden: it is another value, or one more of the same hash than any checkpoint has.
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
    """The answer to a global of the allow-list. ``make`` builds an inert value; None where nothing may be built."""

    name: str
    make: Callable[..., object] | None = None

    def build(self, arguments: object) -> object:
        """The answer to a call of the global. Raises Forbidden where it may not be called so."""
        if self.make is None or not isinstance(arguments, tuple):
            raise Forbidden(f"a call of {self.name}")
        # What is made keeps its arguments: a pickle could hand over the same long tuple a hundred thousand times.
        if len(arguments) > MAX_ARGUMENTS:
            raise Forbidden(f"a call of {self.name} with {len(arguments)} arguments")
        return self.make(*arguments)


class Record:
    """An inert instance of a class that is never imported: the class's name, the arguments of its making, its state."""

    __slots__ = ("arguments", "kind", "state")

    def __init__(self, kind: str, arguments: tuple = ()) -> None:
        self.kind, self.arguments = kind, arguments
        self.state: object = None

    def set_state(self, state: object) -> None:
        """Take the state that the pickle gives it."""
        self.state = state


class Machine:
    """The bytes, the stack and the memo of a pickle being read; the operations on them stand in ``opcodes``."""

    def __init__(
        self,
        data: memoryview,
        allowed: Mapping[tuple[str, str], StandIn],
        allowance: Allowance,
        persistent: Callable[[object], object] | None,
    ) -> None:
        self.data, self.position = data, 0
        self.allowed, self.allowance, self.persistent = allowed, allowance, persistent
        self.stack: list = []
        self.marks: list[list] = []
        self.memo: dict[int, object] = {}

    def take(self, count: int) -> memoryview:
        """The next ``count`` bytes. Raises Damaged, before anything is allocated, where the file does not have them."""
        start, self.position = self.position, self.position + count
        if self.position > len(self.data):
            raise Damaged("the pickle ends too early")
        return self.data[start : self.position]

    def number(self, layout: str) -> int:
        """The whole number that the next bytes are in a layout of ``struct``."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def real(self) -> float:
        """The number that the next eight bytes are."""
        return struct.unpack(">d", self.take(8))[0]

    def line(self, encoding: str = "utf-8") -> str:
        """The text up to the end of the line. Raises Damaged where none ends within ``MAX_LINE`` bytes."""
        window = bytes(self.data[self.position : self.position + MAX_LINE])
        end = window.find(b"\n")
        if end < 0:
            raise Damaged("a line of the pickle does not end")
        self.position += end + 1
        return window[:end].decode(encoding)

    def open(self) -> None:
        """Begin a container: the stack is put aside for a new one. Raises Forbidden where too many are open."""
        if len(self.marks) >= MAX_MARKS:
            raise Forbidden(f"containers nested deeper than {MAX_MARKS}")
        self.marks.append(self.stack)
        self.stack = []

    def close(self) -> list:
        """End the container that was opened last. Returns what was put on its stack."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def resolve(self, module: object, name: object) -> StandIn:
        """The answer to a global. Raises Forbidden where it is not on the allow-list."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise Damaged("a global without a name")
        try:
            return self.allowed[module, name]
        except KeyError:
            raise Forbidden(f"{short(module, 80)}.{short(name, 80)}") from None

    def call(self, function: object, arguments: object) -> object:
        """The answer to a call. Raises Forbidden where anything but a stand-in is called."""
        if not isinstance(function, StandIn):
            raise Forbidden(f"a call of a {type(function).__name__}")
        return function.build(arguments)
