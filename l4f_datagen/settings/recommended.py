"""Which settings a checkpoint may recommend, and what of a recommendation is good."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ..short import short
from .base import StageSettings
from .evaluate import EvaluateAlphaSettings
from .generate import GenerateSettings
from .project import ProjectSettings
from .validation import validate

Settings = TypeVar("Settings", bound=StageSettings)

NAMES = (
    "psi", "background_psi", "threshold", "refine", "refine_epsilon", "blend", "switched_off", "noise", "min_area",
    "max_area", "max_components", "reject_border", "min_decisiveness", "min_stability", "largest_component",
    "fill_holes", "ignore_band",
)  # fmt: skip
"""Settings of ``generate`` whose best values depend on the networks."""
_TAKEN: Mapping[type[StageSettings], tuple[str, ...]] = {
    GenerateSettings: NAMES,
    EvaluateAlphaSettings: ("threshold", "refine", "refine_epsilon", "switched_off", "noise"),
    ProjectSettings: ("threshold", "refine", "refine_epsilon", "largest_component", "fill_holes"),
}
"""By stage. The values of ψ that ``evaluate alpha`` measures at are the paper's, whatever is best."""
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
        UserError: what is recommended and what was given exclude each other.
    """
    given = settings.model_fields_set
    wanted = {
        name: value
        for name, value in recommended.items()
        if name in _TAKEN[type(settings)] and name not in given and not (name in _RANGE and _RANGE & given)
    }
    if not wanted:
        return settings, {}
    several = _SEVERAL if isinstance(settings, EvaluateAlphaSettings) else ()
    values = {name: (value,) if name in several else value for name, value in wanted.items()}
    explicit = settings.model_dump(include=given)
    return validate(type(settings), explicit | values), wanted


def as_given(settings: Settings) -> Settings:
    """The same settings, all of which count as given: nothing is recommended for them any more."""
    return type(settings).model_validate(settings.model_dump())
