"""The opcodes that ask for a global, call it or hand over state, and the opcodes that are refused."""

import pickle

from ...short import short
from .machine import Forbidden, Machine, StandIn
from .opcodes import operation

REFUSED = {
    code[0]: name
    for name, code in (
        ("OBJ", pickle.OBJ), ("NEXT_BUFFER", pickle.NEXT_BUFFER), ("READONLY_BUFFER", pickle.READONLY_BUFFER),
    )
}  # fmt: skip
"""Opcode → name: no checkpoint needs these."""


@operation(pickle.STACK_GLOBAL)
def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.resolve(module, name))


@operation(pickle.REDUCE)
@operation(pickle.NEWOBJ)
def _call(machine: Machine) -> None:
    arguments = machine.stack.pop()
    machine.stack[-1] = machine.call(machine.stack[-1], arguments)


@operation(pickle.NEWOBJ_EX)
def _call_with_keywords(machine: Machine) -> None:
    keywords, arguments = machine.stack.pop(), machine.stack.pop()
    if type(keywords) is not dict or keywords:
        raise Forbidden("a call with keywords")
    machine.stack[-1] = machine.call(machine.stack[-1], arguments)


@operation(pickle.BUILD)
def _build(machine: Machine) -> None:
    state, target = machine.stack.pop(), machine.stack[-1]
    if isinstance(target, StandIn):
        raise Forbidden(f"a new state for {target.name}")
    if hasattr(target, "set_state"):
        target.set_state(state)
    elif type(target) is not dict:  # attributes of a dictionary, "_metadata" say, are dropped
        raise Forbidden(f"a new state for a {type(target).__name__}")


@operation(pickle.INST)
def _instance(machine: Machine) -> None:
    # An instance of a class in Python 2; no checkpoint of torch's or NVIDIA's has one.
    raise Forbidden(f"an instance of {short(machine.line())}.{short(machine.line())} (opcode INST)")


@operation(pickle.EXT1)
def _extension1(machine: Machine) -> None:
    raise Forbidden(f"entry {machine.number('<B')} of the extension registry (opcode EXT1)")


@operation(pickle.EXT2)
def _extension2(machine: Machine) -> None:
    raise Forbidden(f"entry {machine.number('<H')} of the extension registry (opcode EXT2)")


@operation(pickle.EXT4)
def _extension4(machine: Machine) -> None:
    raise Forbidden(f"entry {machine.number('<i')} of the extension registry (opcode EXT4)")


@operation(pickle.PERSID)
def _persistent_line(machine: Machine) -> None:
    raise Forbidden(f"the persistent id {short(machine.line(), quotes=True)}")


@operation(pickle.BINPERSID)
def _persistent(machine: Machine) -> None:
    if machine.persistent is None:
        raise Forbidden("a persistent id")
    machine.stack.append(machine.persistent(machine.stack.pop()))
