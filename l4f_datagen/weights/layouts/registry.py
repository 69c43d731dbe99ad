"""All layouts: every module of this folder, or of another package that adds one, that declares a ``LAYOUT``."""

from functools import cache

from ...kinds import Kinds
from ..kinds import KINDS, Kind
from .layout import Layout


@cache
def layouts() -> tuple[Layout, ...]:
    """Every layout, ordered by kind of network, then as they are asked."""
    declared = (getattr(module, "LAYOUT", None) for module in Kinds("weights.layouts").modules())
    found = [layout for layout in declared if layout is not None]
    return tuple(sorted(found, key=lambda layout: (KINDS.index(layout.kind), layout.rank, layout.name)))


def layouts_of(kind: Kind) -> tuple[Layout, ...]:
    """The layouts of one kind of network, in the order in which they are asked."""
    return tuple(layout for layout in layouts() if layout.kind == kind)


def layout_of(content: object, kind: Kind) -> Layout | None:
    """The layout in which the content of a file holds a network of a kind; None if it holds no such network."""
    return next((layout for layout in layouts_of(kind) if layout.recognises(content)), None)


def kinds_in(content: object) -> tuple[Kind, ...]:
    """Which kinds of network the content of a file holds."""
    return tuple(kind for kind in KINDS if layout_of(content, kind))


def signs() -> tuple[str, ...]:
    """How files of each layout are recognised, one phrase each; words may stand before the names of tensors."""
    return tuple(dict.fromkeys(f"{layout.name}: {layout.signs}" for layout in layouts()))


def records() -> frozenset[str]:
    """Every class whose instances the files of some layout pickle."""
    return frozenset(name for layout in layouts() for name in layout.records)


def parts() -> dict[str, str]:
    """What people call the entries of files, by the names of the entries."""
    return {entry: said for layout in layouts() for entry, said in layout.parts.items()}
