"""Where in a file a network's tensors lie: one rule for what tools put around state dicts, and before their names.

Compiling, training on several devices and saving from inside a larger model leave words before names
(``module._orig_mod.model.g_ema.…``), and files keep state dicts in dictionaries of any names and depth. A network is
found by the names of some of its tensors, its signs, whatever stands before them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...short import short
from .assemble import Misfit

_WRAPPERS = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Parts of names that torch's wrappers add, wherever they stand: several devices, compiling, sharding."""
_AVERAGED = re.compile(r"(^|_)(ema|avg|averaged?)(_|$)", re.IGNORECASE)
_RAW = frozenset({"g", "G", "netG", "generator", "params", "bg_extractor"})
_COUNTERS = frozenset({"n_averaged"})
"""What torch keeps beside averaged weights."""
_MAX_DEPTH, _MAX_DICTIONARIES, _MAX_NETWORKS, _MAX_NAME = 4, 256, 16, 512
_MAX_NAMES = 30_000
"""Of all dictionaries of a file together; the largest published checkpoints have some thousand."""
_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class State:
    """The tensors of one network, as a file holds them."""

    place: tuple[str, ...]
    """The keys that lead to it and the words before its names."""
    tensors: Mapping[str, object]
    """Plain name → what the file holds there."""
    around: tuple[Mapping, ...] = field(default=())
    """The dictionaries that it lies in, the nearest first."""
    twice: str | None = None
    """A name that two entries have, one of them in a wrapper."""
    others: tuple[str, ...] = ()
    """Where else in the file such a network is, of those that would do as well."""

    @property
    def averaged(self) -> bool:
        """Whether the file calls it an average over its training."""
        return any(_AVERAGED.search(part) for part in self.place)

    def notes(self, kind: str, averaged: str) -> list[str]:
        """What had to be decided: of several, or without an average of the usual name ``averaged``."""
        notes, place = [], short(".".join(self.place) or "the file itself")
        if self.others:
            more = short(", ".join(self.others[:_SHOWN]))
            notes.append(f"the file has {len(self.others) + 1} networks {kind}; that of {place} is used, not {more}")
        if not self.averaged and not _RAW.isdisjoint(self.place):
            notes.append(f"the file has no averaged {kind} {averaged}; its raw {kind} {place} is used")
        return notes

    def beside(self, name: str) -> object | None:
        """What a file keeps beside its networks under a name, the nearest if there are several; else None."""
        if self.tensors.get(name) is not None:
            return self.tensors[name]
        for around in self.around:
            for key, value in around.items():
                if isinstance(key, str) and value is not None and plain(key) == name:
                    return value
        return None


def plain(name: str) -> str:
    """A tensor's name without what torch's wrappers put into it."""
    if ("mod" not in name and "wrapped" not in name) or len(name) > _MAX_NAME:
        return name
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def find(data: object, *signs: Sequence[str]) -> State | None:
    """The network of an unpickled file whose tensors have certain names, averaged before raw; None if there is none.

    Args:
        signs: plain names, alternatives; each is all of those that have to be there together.
    """
    found = [state for path, around in _dictionaries(data) for state in _in_names(path, around, signs)]
    if not found:
        return None
    averaged = [state for state in found if state.averaged]
    first, *others = averaged or found
    places = tuple(".".join(state.place) for state in others)
    state = State(place=first.place, tensors=first.tensors, around=first.around, twice=first.twice, others=places)
    return state


def found_in(data: object, *signs: Sequence[str]) -> State:
    """``find`` where a layout was recognised already.

    Raises:
        Misfit: there is no such network after all.
    """
    found = find(data, *signs)
    if found is None:
        raise Misfit("its tensors are not there")
    return found


def stored(state: State) -> Mapping[str, object]:
    """The tensors of a network by plain name.

    Raises:
        Misfit: one is there twice.
    """
    if state.twice is not None:
        raise Misfit(f"tensor {short(state.twice)} is there twice, once in a wrapper")
    return state.tensors


def _dictionaries(data: object) -> Iterator[tuple[tuple[str, ...], tuple[Mapping, ...]]]:
    """The dictionaries of a file with the keys that lead to them, outer ones first, each with those around it."""
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
                if isinstance(key, str) and len(key) <= _MAX_NAME and isinstance(value, Mapping):
                    if len(following) >= _MAX_DICTIONARIES:
                        break
                    following.append(((*path, key), (value, *around)))
        level = following


def _in_names(path: tuple[str, ...], around: tuple[Mapping, ...], signs: Sequence[Sequence[str]]) -> Iterator[State]:
    """The networks of one state dict: for each, the words before the names of its signs."""
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
        # Of a network that stands before the others in one state dict, those are no part.
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
