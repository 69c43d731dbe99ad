"""What a user may say of how a place of labelled images is read, by what the place is."""

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import UserError
from ..short import short
from .reading import Reading


class _Taken(NamedTuple):
    fields: frozenset[str]
    """Of a ``Reading``, those that such a place makes use of."""
    why: str
    """Why it takes no others."""


_DRAWN = _Taken(
    frozenset(("images", "categories")), "the file says what is on which image, and --categories what is foreground"
)
_TAKEN: Mapping[str, _Taken] = {
    "folder": _Taken(
        frozenset(("images", "masks", "alphas", "skip_unmatched", "foreground")), "files of masks have values, no names"
    ),
    "coco": _DRAWN,
    "label-studio": _DRAWN,
    "cvat": _DRAWN,
    "tars": _Taken(frozenset(("skip_unmatched", "foreground")), "images and masks are in the tars"),
    "parquet": _Taken(frozenset(("skip_unmatched", "foreground")), "images and masks are columns"),
    "shards": _Taken(frozenset(("foreground",)), "a data set has images and masks of its own"),
    "world": _Taken(frozenset(), "a world has masks of its own, whose foreground is known"),
    "generator": _Taken(frozenset(), "its alpha network gives the masks"),
}
_SAID = ("masks", "images", "alphas", "categories", "skip_unmatched", "foreground")


def check_taken(kind: str, place: str, reading: Reading) -> None:
    """Refuse what a place of this kind would not look at.

    Raises:
        UserError: the reading says such a thing.
    """
    taken = _TAKEN[kind]
    for name in _SAID:
        value = getattr(reading, name)
        if value and name not in taken.fields:
            flag = reading.flag if name == "foreground" else f"--{name.replace('_', '-')}"
            told = "it" if value is True else short(value if isinstance(value, str) else ", ".join(value), 60)
            raise UserError(
                flag, got=f"{told} for {place}", expected=f"none: {taken.why}", remedy=f"leave {flag} out"
            )  # fmt: skip
