"""Plain values → settings, or a UserError that says what is wrong with them."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from .base import StageSettings
from .explaining import explained
from .needing import refuse_idle
from .placeholders import refuse_places

Settings = TypeVar("Settings", bound=StageSettings)


def resolve(model: type[Settings], section: Mapping[str, Any], flags: Mapping[str, Any]) -> Settings:
    """Flag > pipeline file > default. Flags that are None were not given.

    Raises:
        UserError: as ``validate``, or a flag has no effect beside what is said of other settings. One that needs what
            a checkpoint's card may still recommend is looked at when that is known.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    settings = validate(model, {**section, **given})
    refuse_idle(settings, given, but=set(model.RECOMMENDED) - settings.model_fields_set)
    return settings


def validate(model: type[Settings], values: Mapping[str, Any], where: str = "") -> Settings:
    """Settings from plain values.

    Raises:
        UserError: the first thing that is wrong; an unknown key names the nearest known one.
    """
    refuse_places(values, where)
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise explained(model, error, where) from None


def fingerprint(values: Mapping[str, Any]) -> str:
    """SHA-256 of settings, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
