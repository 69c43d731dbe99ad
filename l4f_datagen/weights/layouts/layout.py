"""What a family of checkpoints declares about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..kinds import Kind, Network

Read = tuple[Network, tuple[str, ...]]
"""A network on the CPU, and what had to be decided on the way, one sentence each."""


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
    parts: Mapping[str, str] = field(default_factory=dict)
    """What else its files may hold: the name of an entry → what people call it."""
    records: tuple[str, ...] = ()
    """Classes ("module.Name") whose instances its files pickle; each comes as an inert ``Record``."""
    rank: int = 0
    """Layouts of one kind of network are asked by ``rank``, then ``name``; the first that recognises a file counts."""
