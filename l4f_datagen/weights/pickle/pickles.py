"""Pickles, read by a machine that cannot execute them: it builds plain values and inert stand-ins.

Every global that a pickle asks for is looked up in the allow-list that the caller gives; none is ever imported. Of a
class that is not on it, modules of torch may be made, told by their attributes, and nothing else (``modules``). The
opcodes that call something (REDUCE, NEWOBJ, NEWOBJ_EX) or hand over state (BUILD) work on stand-ins alone. The opcodes
that no checkpoint needs (INST, OBJ, EXT1/2/4, NEXT_BUFFER) are refused, and so are persistent ids where none belong.
"""

import pickle
import struct
from collections.abc import Callable, Collection, Mapping

from .calls import REFUSED
from .machine import Allowance, Damaged, Forbidden, Machine, Record, StandIn
from .modules import AllowList
from .opcodes import OPERATIONS

__all__ = ["Allowance", "Damaged", "Forbidden", "Record", "StandIn", "load"]
MAX_DEPTH = 256
"""How deep the values of one pickle may be nested."""


def load(
    data: memoryview,
    *,
    allowed: Mapping[tuple[str, str], StandIn],
    allowance: Allowance,
    persistent: Callable[[object], object] | None = None,
) -> tuple[object, int]:
    """The value of the first pickle in ``data``, and the number of bytes that it takes.

    Args:
        allowed: (module, name) of a global → the answer to it.
        allowance: what reading the file may cost.
        persistent: persistent id → the answer to it; None refuses them.

    Raises:
        Damaged: it is no complete pickle.
        Forbidden: it asks for what is not allowed, or for too much.
    """
    machine = Machine(data, allowed, allowance, persistent)
    try:
        value = _run(machine)
    except Damaged:
        raise
    except Forbidden as error:
        # A class that nobody knows says more than what was tried with it.
        raise Forbidden(_unsettled(allowed) or str(error)) from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, struct.error) as error:
        raise Damaged(f"the pickle is malformed near byte {machine.position}") from error
    if name := _unsettled(allowed):
        raise Forbidden(name)
    _check_depth(value)
    return value, machine.position


def _unsettled(allowed: Mapping[tuple[str, str], StandIn]) -> str | None:
    return allowed.unsettled() if isinstance(allowed, AllowList) else None


def _run(machine: Machine) -> object:
    while True:
        machine.allowance.work(1)
        code = machine.take(1)[0]
        if code == pickle.STOP[0]:
            return machine.stack.pop()
        operation = OPERATIONS.get(code)
        if operation is None:
            raise _refusal(code)
        operation(machine)


def _refusal(code: int) -> ValueError:
    if code in REFUSED:
        return Forbidden(f"the pickle opcode {REFUSED[code]}")
    return Damaged(f"byte {code:#04x} is no pickle opcode")


def _check_depth(value: object) -> None:
    """Refuse values nested too deeply for code that walks them recursively.

    Goes level by level and meets each value once, since values may be shared or circular.
    """
    level, seen = [value], set()
    for _ in range(MAX_DEPTH):
        following = []
        for item in level:
            children = _children(item)
            if children and id(item) not in seen:
                seen.add(id(item))
                following.extend(children)
        if not following:
            return
        level = following
    raise Forbidden(f"values nested deeper than {MAX_DEPTH}")


def _children(value: object) -> Collection:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, Record):
        return (*value.arguments, value.state)
    return value if isinstance(value, (list, tuple)) else ()
