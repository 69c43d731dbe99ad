"""What a family of checkpoints declares about itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...networks.discriminator import Discriminator
from ...networks.stylegan2 import Generator
from ..assembly.errors import Misfit, Unsupported
from ..kinds import Kind, Network

Read = tuple[Network, tuple[str, ...]]
"""A network on the CPU, and what had to be decided on the way, one sentence each."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a file holds beside the averaged generator, for a training that goes on from there."""

    raw: Generator | None = None
    """The generator as it learned, of which the other one is the average; None where there is none that can be used."""
    discriminator: Discriminator | None = None
    """None where there is none that can be used."""
    notes: tuple[str, ...] = ()
    """Why a network that is there cannot be used, one sentence each."""


def beside_of(
    raw: Callable[[], tuple[Generator, Sequence[str]]] | None,
    discriminator: Callable[[], tuple[Discriminator, Sequence[str]]] | None,
) -> Beside:
    """What stands beside a generator, of functions that read it; what does not fit is left out and told.

    Args:
        raw, discriminator: give a network and what had to be decided on the way, or raise Misfit or Unsupported; None
            where the file has no such network.
    """
    told: list[str] = []
    found: dict[str, Any] = {}
    for name, what, read in (("raw", "raw generator", raw), ("discriminator", "discriminator", discriminator)):
        try:
            found[name], notes = read() if read else (None, ())
            # What is said of the raw generator was said of its average.
            told += notes if name == "discriminator" else ()
        except (Misfit, Unsupported) as error:
            told.append(f"its {what} cannot be used: {error}")
    return Beside(**found, notes=tuple(told))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One way in which a program names and stores the tensors of one kind of network."""

    name: str
    """The name by which ``inspect``, cards and data sets call it: "rosinality", "face-parsing", …"""
    kind: Kind
    """The kind of network that is read from it."""
    held: str
    """What such a file is called where another was wanted; ends the phrase "got …"."""
    asked: str = ""
    """The layout as messages ask for it; ends "a StyleGAN2 generator in …". Messages leave out an empty one."""
    signs: str
    """How a file of it is recognised, told to people whose file is not."""
    recognises: Callable[[Any], bool]
    """Whether the content of a file, which is inert values, holds a network in this layout."""
    read: Callable[[Any], Read]
    """The network of such a file, frozen, in float32. Raises Misfit or Unsupported where it is another network."""
    beside: Callable[[Any], Beside] | None = None
    """Of a file that ``read`` has read: what a training goes on with beside the generator. None: never anything."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """What else its files may hold: the name of an entry → what people call it."""
    records: tuple[str, ...] = ()
    """Classes ("module.Name") whose instances its files pickle; each comes as an inert ``Record``."""
    rank: int = 0
    """Layouts of one kind of network are asked by ``rank``, then ``name``; the first that recognises a file counts."""
