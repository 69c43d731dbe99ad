"""The settings that a checkpoint's card recommends for ``generate``."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..addresses import shown
from ..errors import UserError
from ..settings.recommended import checked
from . import locate, native, result_of
from .native.cards import RECOMMENDED

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recommendation:
    """What the card beside an alpha network recommends."""

    name: str
    """The checkpoint, as the user named it."""
    settings: Mapping[str, Any] = field(default_factory=dict)


def recommended(generator: str, alpha: str | None) -> Recommendation:
    """What is recommended for a generator and an alpha network: the card beside the alpha network says it.

    The generator's own card says nothing of an alpha network elsewhere: another threshold is best for another one.
    Entries that are no good are told and left out. Foreign files recommend nothing, nor does what is missing or
    cannot be read: whoever loads the networks says so.
    """
    path = generator if alpha is None else alpha
    try:
        found = result_of(locate(path))
        folder = found.parent if native.kind_of(found) == "alpha" else found
        values = native.read_card(folder).get(RECOMMENDED, {}) if native.is_native(folder) else {}
    except UserError:
        return Recommendation(shown(path))
    good, problems = checked(values)
    if problems:
        logger.warning("%s recommends what is not followed: %s", folder / native.CARD, "; ".join(problems))
    return Recommendation(shown(path), good)
