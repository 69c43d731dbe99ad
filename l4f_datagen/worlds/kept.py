"""Pictures that were drawn once and may be asked for again."""

import contextlib
from collections.abc import Callable, Iterator

from .rendering import Rendering

_Place = tuple[str, int, int, int]
"""World, seed, index and size, on which a picture depends alone."""
_MOST = 1 << 30
"""Bytes that are kept at most: 37000 pictures of 64 px, 2300 of 256 px."""


class _Kept:
    def __init__(self, most: int):
        self._pictures: dict[_Place, Rendering] = {}
        self._room = most

    def get(self, place: _Place, draw: Callable[[], Rendering]) -> Rendering:
        """The picture, drawn if it is not there. Several threads may ask."""
        if (known := self._pictures.get(place)) is not None:
            return known
        drawn = draw()
        arrays = (drawn.image, drawn.alpha, drawn.background)
        if (size := sum(array.nbytes for array in arrays)) <= self._room:
            for array in arrays:
                array.flags.writeable = False  # others will get the same ones
            self._room -= size
            self._pictures[place] = drawn
        return drawn


_kept: _Kept | None = None


@contextlib.contextmanager
def keeping(most: int = _MOST) -> Iterator[None]:
    """Let ``worlds.render`` draw each picture once while the block lasts, and forget them all at its end.

    For a process that asks for the same pictures again and again, as an experiment does: one set of pictures trains
    several networks. The first ones stay, up to ``most`` bytes, and the others are drawn each time, so that an order in
    which all are asked for in turn keeps its share. Arrays that are kept are read-only.
    """
    global _kept
    before, _kept = _kept, _Kept(most)
    try:
        yield
    finally:
        _kept = before


def once(place: _Place, draw: Callable[[], Rendering]) -> Rendering:
    """The picture of a place: kept, or drawn."""
    return draw() if _kept is None else _kept.get(place, draw)
