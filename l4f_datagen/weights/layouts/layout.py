"""What a family of checkpoints declares of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..kinds import Kind, Network

Read = tuple[Network, tuple[str, ...]]
"""A network, and what had to be decided on the way, one sentence each."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One way in which a program names and stores the tensors of one kind of network."""

    name: str
    """What ``inspect``, cards and data sets call it: "rosinality", "face-parsing", …"""
    kind: Kind
    """The kind of network that is read from it."""
    held: str
    """What such a file is, where another was wanted; ends the phrase "got …"."""
    asked: str = ""
    """The layout in messages that ask for such a file; ends "a StyleGAN2 generator in …". Empty leaves it out."""
    signs: str
    """By what it is told from others, for people whose file is not recognised."""
    recognises: Callable[[Any], bool]
    """Whether the content of a file, inert values, holds a network in this layout."""
    read: Callable[[Any], Read]
    """That network on the CPU, frozen, in float32. Raises Misfit or Unsupported where it is another network."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """What else its files hold: entry → what people call it."""
    records: tuple[str, ...] = ()
    """Classes that its files pickle networks as ("module.Name"); each comes as an inert ``Record`` of its state."""
    rank: int = 0
    """Layouts are asked in this order, smaller first, and in the order of their names; the first to answer is taken."""
