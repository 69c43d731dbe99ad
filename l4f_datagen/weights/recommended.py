"""The settings of ``generate`` that the card of a checkpoint recommends."""

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
    """Settings of ``generate``, by name; empty where it recommends none."""


def recommended(generator: str, alpha: str | None) -> Recommendation:
    """What the card beside an alpha network recommends for a generator and that network.

    The card beside the generator does not count where the alpha network lies elsewhere: for another alpha network
    another threshold is best. A warning names entries that are no settings of ``generate`` or have impossible values;
    they are left out. Files without a card recommend nothing, and so does what is missing or cannot be read: whoever
    loads the networks says that.

    Args:
        generator, alpha: as the user named them; ``alpha`` None for the one beside the generator.
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
