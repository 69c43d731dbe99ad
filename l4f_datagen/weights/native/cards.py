"""``model.json``, the card of a native checkpoint. Its entries are checked; one of a wrong kind is refused by name."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ... import documents
from ...errors import UserError
from ...short import short
from ..kinds import KINDS

CARD = "model.json"
FORMAT = "l4f-datagen-model"
VERSION = 1
RECOMMENDED = "recommended"
"""The entry that holds settings of ``generate``, by name, which go well with the alpha network."""
_MOST = 4 << 20
"""Bytes of a card; the hashes of the largest networks take some ten thousand."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read(folder: Path) -> dict[str, Any]:
    """What the card of a folder says. Entries that are null count as left out.

    Raises:
        UserError: it cannot be read, is another kind of file, or an entry is of a wrong kind; names the entry.
    """
    path = folder / CARD
    try:
        card = documents.load_json(path, most=_MOST, finite=False)
    except documents.Unreadable as error:
        raise UserError(
            str(path), got=f"no readable JSON: {error.got}", expected="the card of a native checkpoint",
            remedy="restore the file or convert the checkpoint again",
        ) from error  # fmt: skip
    if not isinstance(card, dict) or (card.get("format"), card.get("version")) != (FORMAT, VERSION):
        raise UserError(
            str(path), got="another kind of model.json", expected=f'"format": "{FORMAT}", "version": {VERSION}',
            remedy="name the folder of a native checkpoint",
        )  # fmt: skip
    card = {name: value for name, value in card.items() if value is not None}
    for name, (fits, expected) in _ENTRIES.items():
        if name in card and not fits(card[name]):
            _refuse(path, name, card[name], expected)
    for kind in KINDS:
        if kind in card:
            card[kind] = _network(path, kind, card[kind])
    return card


def training_of(folder: Path, kind: str, *names: str) -> dict[str, Any]:
    """What the card of a folder says about how a network was trained; ``names`` are the entries that have to be there.

    Raises:
        UserError: as ``read``; or one of ``names`` is missing.
    """
    training = read(folder).get("training", {})
    found = training.get(kind) if isinstance(training, dict) else None
    found = found if isinstance(found, dict) else {}
    missing = [name for name in names if name not in found]
    if missing:
        raise UserError(
            str(folder / CARD), got=f"no {missing[0]} of the training of the {kind}", expected="what train-* writes",
            remedy="restore the file, or train again with --overwrite",
        )  # fmt: skip
    return found


def _network(path: Path, kind: str, entry: object) -> dict[str, Any]:
    """What a card says about one network; architecture and hashes that it leaves out are empty."""
    if not isinstance(entry, dict):
        _refuse(path, kind, entry, "what is known of a network, by name")
    entry = {"architecture": {}, "tensors": {}} | {name: value for name, value in entry.items() if value is not None}
    for name, (fits, expected) in _OF_NETWORKS.items():
        if name in entry and not fits(entry[name]):
            _refuse(path, f"{kind}.{name}", entry[name], expected)
    return entry


def _refuse(path: Path, name: str, value: object, expected: str) -> NoReturn:
    raise UserError(
        f"{path}: {name}", got=short(value, quotes=True), expected=expected,
        remedy="restore the file or convert the checkpoint again",
    )  # fmt: skip


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_said(value: object) -> bool:
    return isinstance(value, (str, dict))


def _is_named(value: object) -> bool:
    return isinstance(value, dict)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _are_hashes(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(v, str) and _SHA256.fullmatch(v) for v in value.values())


_ENTRIES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "name": (_is_text, "a name"),
    "licence": (_is_text, "the licence of the weights as text"),
    "source": (_is_said, "a sentence, or one of each network"),
    "training": (_is_said, "a sentence, or the settings of each network"),
    "quality": (_is_named, "measures by name"),
    RECOMMENDED: (_is_named, "settings of generate by name"),
}
_OF_NETWORKS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "architecture": (_is_named, "its architecture, by name"),
    "parameters": (_is_count, "how many there are"),
    "tensors": (_are_hashes, "the SHA-256 of each tensor"),
}
