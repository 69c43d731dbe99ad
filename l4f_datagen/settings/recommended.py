"""Which settings a checkpoint may recommend, and what of a recommendation is good."""

import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ..short import short
from .base import StageSettings
from .evaluate import EvaluateAlphaSettings
from .generate import GenerateSettings
from .needing import refuse_idle
from .validation import validate

Settings = TypeVar("Settings", bound=StageSettings)

NAMES = GenerateSettings.RECOMMENDED
"""All that can be recommended."""
_SEVERAL = ("threshold",)
"""Settings that are a list in ``evaluate alpha``."""
_RANGE = frozenset(("min_area", "max_area"))
"""Settings that say one thing together: whoever gives one of them is not recommended the other."""
_SHOWN = 5


def checked(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The part of a recommendation that can be followed, and what is wrong with the rest, in words."""
    good: dict[str, Any] = {}
    unknown, problems = [], []
    for name, value in values.items():
        if name not in NAMES:
            unknown.append(name)
        elif problem := _problem({name: value}):
            problems.append(f"{name}: {short(value, 80, quotes=True)} ({problem})")
        else:
            good[name] = value
    if problem := _problem(good):
        problems.append(f"{' and '.join(sorted(_RANGE & good.keys()))} ({problem})")
        good = {name: value for name, value in good.items() if name not in _RANGE}
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        shown = ", ".join(short(name, 40) for name in unknown[:_SHOWN])
        problems.append(f"{shown}{more} (nothing that a checkpoint can recommend)")
    return good, problems


def _problem(values: Mapping[str, Any]) -> str | None:
    """Why ``generate`` would refuse values that come from a JSON file; None if it takes them."""
    try:
        GenerateSettings.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        return short(error.errors(include_url=False)[0]["msg"].removeprefix("Value error, "), 100)
    return None


def completed(settings: Settings, recommended: Mapping[str, Any]) -> tuple[Settings, dict[str, Any]]:
    """Settings with what a checkpoint recommends where they were left to their defaults, and what that is.

    A setting that was given, by a flag, a pipeline file or in Python, stays as it is.

    Raises:
        UserError: what is recommended and what was given exclude each other, or what was given has no effect.
    """
    given = settings.model_fields_set
    wanted = {
        name: value
        for name, value in recommended.items()
        if name in settings.RECOMMENDED and name not in given and not (name in _RANGE and _RANGE & given)
    }
    if not wanted:
        _refuse_idle(settings, given)
        return settings, {}
    several = _SEVERAL if isinstance(settings, EvaluateAlphaSettings) else ()
    values = {name: (value,) if name in several else value for name, value in wanted.items()}
    explicit = settings.model_dump(include=given)
    found = validate(type(settings), explicit | values)
    _refuse_idle(found, given)
    return found, wanted


def as_given(settings: Settings) -> Settings:
    """The same settings, all of which count as given: nothing is recommended for them any more.

    Raises:
        UserError: one has no effect without what a card might have recommended.
    """
    _refuse_idle(settings, settings.model_fields_set)
    return type(settings).model_validate(settings.model_dump())


def _refuse_idle(settings: StageSettings, given: Collection[str]) -> None:
    """Refuse what was given and needs something that nobody gave, and that no card recommends."""
    refuse_idle(settings, [name for name in given if name in settings.NEEDS], but=given)
