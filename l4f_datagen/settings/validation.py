"""Plain values → settings, or a UserError that says what is wrong with them."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ..addresses import hidden
from ..errors import UserError
from ..short import short
from .base import StageSettings

Settings = TypeVar("Settings", bound=StageSettings)

_LOOKED_AT = 4000
"""Characters of a value in which addresses are looked for, before it is cut: of a part they would not be known."""


def resolve(model: type[Settings], section: Mapping[str, Any], flags: Mapping[str, Any]) -> Settings:
    """Flag > pipeline file > default. Flags that are None were not given."""
    return validate(model, {**section, **{key: value for key, value in flags.items() if value is not None}})


def validate(model: type[Settings], values: Mapping[str, Any], where: str = "") -> Settings:
    """Settings from plain values.

    Raises:
        UserError: the first thing that is wrong; an unknown key names the nearest known one.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _explain(model, first, where) from None


def fingerprint(values: Mapping[str, Any]) -> str:
    """SHA-256 of settings, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _explain(model: type[StageSettings], problem: Mapping[str, Any], where: str) -> UserError:
    location = [str(part) for part in problem["loc"]]
    name = short(location[0]) if location else where
    prefix = f"{where}: " if where and location else ""
    if problem["type"] == "extra_forbidden":
        known = [field.alias or key for key, field in model.model_fields.items()]
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        return UserError(
            f"{prefix}{name}",
            got="an unknown key",
            expected=f"one of {', '.join(known)}",
            remedy=f"did you mean {nearest[0]}?" if nearest else "remove it",
        )
    expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    meaning = model.model_fields[name].description if name in model.model_fields else None
    flag = name if where else f"--{name.replace('_', '-')}"
    return UserError(
        f"{prefix}{name}",
        got=short(hidden(short(problem["input"], _LOOKED_AT, quotes=True)), 80),
        expected=short(expected, 300),
        remedy=f"change {flag}" + (f" ({meaning})" if meaning else ""),
    )
