"""Modules of torch that were pickled whole, whatever their classes are called: told by what they consist of.

A class that nobody knows is answered by a stand-in that is never imported. The pickle may do one thing with it: make an
instance of no arguments and hand it the attributes of a module of torch. Whatever else it asks is refused by its name.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ...short import short
from .machine import Allowance, Forbidden, Record, StandIn

_PARTS = ("_parameters", "_buffers", "_modules")
"""Attributes that every module of torch has, dictionaries all three."""
_MAX_DEPTH = 64


class PickledModule(Record):
    """A module of a class that is never imported: ``state`` is its ``__dict__``."""

    __slots__ = ("_allowance", "_tensors")

    def __init__(self, kind: str, allowance: Allowance) -> None:
        super().__init__(kind)
        self._allowance = allowance
        self._tensors: dict[str, object] | None = None

    def set_state(self, state: object) -> None:
        """Take its attributes. Raises Forbidden, naming the class, where they are not those of a module."""
        if not isinstance(state, dict) or not all(isinstance(state.get(part), dict) for part in _PARTS):
            raise Forbidden(self.kind)
        self.state = state

    def part(self, name: str) -> Mapping:
        """Its tensors, or the modules in it, by name: "_parameters", "_buffers" or "_modules"."""
        return self.state[name] if isinstance(self.state, dict) else {}

    def state_dict(self) -> dict[str, object]:
        """Its tensors and those of all modules in it, by the names that torch's ``state_dict`` gives them.

        Raises:
            Forbidden: there are more of them, or deeper in each other, than a network has.
        """
        if self._tensors is None:
            self._tensors = dict(self._named("", _MAX_DEPTH))
        return self._tensors

    def _named(self, prefix: str, depth: int) -> Iterator[tuple[str, object]]:
        if depth <= 0:
            raise Forbidden("modules nested deeper than a network's")
        # A file may have the same module in many places: each is work.
        self._allowance.work(1)
        for part in _PARTS[:2]:
            for name, value in self.part(part).items():
                if isinstance(name, str) and value is not None:
                    self._allowance.work(1)
                    yield prefix + name, value
        for name, value in self.part("_modules").items():
            if isinstance(name, str) and isinstance(value, PickledModule):
                yield from value._named(f"{prefix}{name}.", depth - 1)


@dataclass(frozen=True, eq=False)
class Stranger(StandIn):
    """The answer to a class that nobody knows."""

    allowance: Allowance = field(kw_only=True)
    """Of the file that asks for it."""
    made: list[PickledModule] = field(kw_only=True, default_factory=list)
    """Its instances."""

    def build(self, arguments: object) -> PickledModule:
        """An instance that waits for its attributes. Raises Forbidden, naming the class, where there are arguments."""
        if arguments != ():
            raise Forbidden(self.name)
        self.made.append(PickledModule(self.name, self.allowance))
        return self.made[-1]


class AllowList(dict[tuple[str, str], StandIn]):
    """What answers the globals of one pickle, by module and name; a name that is not there is a stranger's.

    Args:
        moved: names that mean the same in whatever module they are.
    """

    def __init__(
        self, answers: Mapping[tuple[str, str], StandIn], allowance: Allowance, *, moved: Collection[str] = ()
    ) -> None:
        super().__init__(answers)
        self._allowance = allowance
        self._moved = {name: answer for (_, name), answer in answers.items() if name in moved}
        self._strangers: list[Stranger] = []

    def __missing__(self, key: tuple[str, str]) -> StandIn:
        module, name = key
        found = self._moved.get(name)
        if found is None:
            found = Stranger(f"{short(module, 80)}.{short(name, 80)}", allowance=self._allowance)
            self._strangers.append(found)
        self[key] = found
        return found

    def unsettled(self) -> str | None:
        """The first unknown class that the pickle asked for and made no module of, so far; None: there is none."""
        waiting = (one for one in self._strangers if not one.made or any(module.state is None for module in one.made))
        return next((one.name for one in waiting), None)
