"""What every target of a conversion gets, and what it gives back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...storage import atomic
from ..kinds import Kind, Network, with_article
from ..source import Source

TOLERANCE = 1e-4
"""How far the outputs of a network before and after may be apart."""
Written = tuple[float, tuple[str, ...]]
"""The largest difference between outputs before and after, and what the target could not say, one sentence each."""

NO_LICENCE = "the layout has no place for the licence"
"""A note of targets that do not keep it."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One conversion."""

    found: Path
    """The file or folder that is converted."""
    out: Path
    """The file or folder that is written."""
    networks: Mapping[Kind, tuple[Network, Source]]
    """The networks of ``found``, one of each kind at most, and where they came from."""
    licence: str | None
    """The licence that the user states for the weights; None keeps what the source says."""
    allow_nan: bool
    """Whether weights that are not finite are taken."""

    def only(self, kind: Kind, wanted: str, remedy: str) -> Network:
        """The network of a kind, for targets that hold no others.

        Raises:
            UserError: there is none.
        """
        if kind not in self.networks:
            got = " and ".join(map(with_article, self.networks))
            raise UserError(str(self.out), got=f"{got} alone", expected=wanted, remedy=remedy)
        return self.networks[kind][0]


@contextmanager
def beside(out: Path, content: bytes | memoryview) -> Iterator[Path]:
    """The content in a file beside ``out``, whose place it takes after the block: a failure there loses nothing."""
    atomic.check_file(out, f"out {out}")
    with atomic.replacing(out) as file:
        file.write(content)
        file.flush()
        yield Path(file.name)
