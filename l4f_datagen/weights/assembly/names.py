"""Finds the tensors of a network in a file, whatever tools have put around its state dict and before its names.

Compiling, training on several devices and saving from inside a larger model leave words before names
(``module._orig_mod.model.g_ema.…``), and files keep state dicts in dictionaries of any name and depth. A network is
found by its signs: the names of some of its tensors, whatever words stand before them.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...short import short
from ..pickle.modules import PickledModule
from .errors import Misfit

_WRAPPERS = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Words that torch's wrappers for several devices, compiling and sharding put into names, wherever they stand."""
_AVERAGED = re.compile(r"(^|_)(ema|avg|averaged?)(_|$)", re.IGNORECASE)
_RAW = frozenset({"g", "G", "netG", "generator", "params", "bg_extractor"})
"""Names under which files keep a network that is no average over its training."""
_COUNTERS = frozenset({"n_averaged"})
"""Entries of a state dict that torch keeps beside averaged weights, and that are no weights."""
_MAX_DEPTH, _MAX_DICTIONARIES, _MAX_NETWORKS, _MAX_NAME = 4, 256, 16, 512
"""How deep state dicts are looked for, in how many dictionaries, for how many networks in each, and with what length of
names."""
_MAX_NAMES = 30_000
"""Names in all dictionaries of a file together; the largest published checkpoints have some thousand."""
_SHOWN = 4
"""Other networks of a file that a note names."""


@dataclass(frozen=True, kw_only=True)
class State:
    """The tensors of one network, as a file holds them."""

    place: tuple[str, ...]
    """The keys of dictionaries that lead to it, then the words before its names."""
    tensors: Mapping[str, object]
    """Plain name → the value that the file has there; see ``plain``."""
    around: tuple[Mapping, ...] = field(default=())
    """The dictionaries that it lies in, the innermost first."""
    twice: str | None = None
    """A plain name that two entries share, one of them with a wrapper's words; None as a rule."""
    others: tuple[str, ...] = ()
    """The places of other networks in the file that would do as well."""

    @property
    def averaged(self) -> bool:
        """Whether the file calls it an average over its training."""
        return any(_AVERAGED.search(part) for part in self.place)

    def notes(self, kind: str, averaged: str) -> list[str]:
        """What had to be decided: which of several networks is taken, and that a raw one is.

        Args:
            kind: what to call the network.
            averaged: the usual name of its average, which the file lacks then.
        """
        notes, place = [], short(".".join(self.place) or "the file itself")
        if self.others:
            more = short(", ".join(self.others[:_SHOWN]))
            notes.append(f"the file has {len(self.others) + 1} networks {kind}; that of {place} is used, not {more}")
        if not self.averaged and not _RAW.isdisjoint(self.place):
            notes.append(f"the file has no averaged {kind} {averaged}; its raw {kind} {place} is used")
        return notes

    def beside(self, name: str) -> object | None:
        """The value of a name in the network's state dict, else in the innermost dictionary around it that has it."""
        if self.tensors.get(name) is not None:
            return self.tensors[name]
        for around in self.around:
            for key, value in around.items():
                if isinstance(key, str) and value is not None and plain(key) == name:
                    return value
        return None


def plain(name: str) -> str:
    """A tensor's name without the words that torch's wrappers put into it."""
    if ("mod" not in name and "wrapped" not in name) or len(name) > _MAX_NAME:
        return name
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def find_all(data: object, *signs: Sequence[str]) -> list[State]:
    """All networks in the content of a file that have certain tensors, in the order in which they lie there.

    Args:
        signs: alternatives, each the plain names of tensors that have to be there together.
    """
    return [state for path, around in _dictionaries(data) for state in _in_names(path, around, signs)]


def find(data: object, *signs: Sequence[str]) -> State | None:
    """The network in the content of a file that has certain tensors, an average before a raw one; None if none has.

    Args:
        signs: as ``find_all`` takes them.
    """
    found = find_all(data, *signs)
    if not found:
        return None
    averaged = [state for state in found if state.averaged]
    first, *others = averaged or found
    places = tuple(".".join(state.place) for state in others)
    return dataclasses.replace(first, others=places)


def find_raw(data: object, *signs: Sequence[str]) -> State | None:
    """The network of which ``find`` gives the average; None where the file has no other beside the average."""
    found = find_all(data, *signs)
    if not any(state.averaged for state in found):
        return None
    return next((state for state in found if not state.averaged and not _RAW.isdisjoint(state.place)), None)


def found_in(data: object, *signs: Sequence[str]) -> State:
    """``find`` for a layout that has recognised the file.

    Raises:
        Misfit: there is no such network after all, or a tensor is there twice.
    """
    found = find(data, *signs)
    if found is None:
        raise Misfit("its tensors are not there")
    if found.twice is not None:
        raise Misfit(f"tensor {short(found.twice)} is there twice, once in a wrapper")
    return found


def _dictionaries(data: object) -> Iterator[tuple[tuple[str, ...], tuple[Mapping, ...]]]:
    """Every dictionary of a file: the keys that lead to it, and it with those around it. Outer ones come first."""
    data = _opened(data)
    level, count, seen = [((), (data,))] if isinstance(data, Mapping) else [], 0, set()
    room = _MAX_NAMES
    for _ in range(_MAX_DEPTH):
        following = []
        for path, around in level:
            if id(around[0]) in seen or count >= _MAX_DICTIONARIES:
                continue
            seen.add(id(around[0]))
            count += 1
            if len(around[0]) > room:
                continue
            room -= len(around[0])
            yield path, around
            for key, value in around[0].items():
                value = _opened(value)
                if isinstance(key, str) and len(key) <= _MAX_NAME and isinstance(value, Mapping):
                    if len(following) >= _MAX_DICTIONARIES:
                        break
                    following.append(((*path, key), (value, *around)))
        level = following


def _opened(value: object) -> object:
    """A module that was pickled whole as its state dict; other values as they are."""
    return value.state_dict() if isinstance(value, PickledModule) else value


def _in_names(path: tuple[str, ...], around: tuple[Mapping, ...], signs: Sequence[Sequence[str]]) -> Iterator[State]:
    """The networks of one state dict. Each is told by the words that stand before the names of its signs."""
    names, twice = {}, {}
    for name in around[0]:
        if isinstance(name, str):
            known = names.setdefault(plain(name), name)
            if known != name:
                twice[plain(name)] = name
    prefixes = {}
    for wanted in signs:
        for name in names:
            if name == wanted[0] or name.endswith(f".{wanted[0]}"):
                prefix = name.removesuffix(wanted[0])
                if all(prefix + sign in names for sign in wanted):
                    prefixes[prefix] = None
    prefixes = list(prefixes)[:_MAX_NETWORKS]
    for prefix in prefixes:
        # A network without words before its names must not take in the tensors of others that have such words.
        inner = tuple(other for other in prefixes if other != prefix and other.startswith(prefix))
        own = [n for n in names if n.startswith(prefix) and not (inner and n.startswith(inner))]
        yield State(
            place=(*path, *prefix.split(".")[:-1]),
            tensors={
                name.removeprefix(prefix): around[0][names[name]]
                for name in own
                if name.removeprefix(prefix) not in _COUNTERS
            },
            around=around,
            twice=next((name for name in own if name in twice), None),
        )
