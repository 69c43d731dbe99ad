"""Settings that nobody gave, as the card of the checkpoint recommends them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..settings import EvaluateAlphaSettings, GenerateSettings, ProjectSettings
from ..settings.recommended import completed
from ..weights.recommended import Recommendation, recommended

Settings = TypeVar("Settings", GenerateSettings, EvaluateAlphaSettings, ProjectSettings)


def with_recommended(
    settings: Settings, found: Recommendation | None = None, *, tell: Callable[[str], None] | None = None
) -> Settings:
    """The settings that work is done with: those that were given, the checkpoint's, and the defaults, in this order.

    Done once more to its result, it changes nothing.

    Args:
        settings: of which ``model_fields_set`` says what was given.
        found: what the checkpoint recommends; None: its card is read.
        tell: gets a line that says what was taken from the card, if anything was.

    Raises:
        UserError: what is recommended and what was given exclude each other.
    """
    found = recommended(settings.generator, settings.alpha) if found is None else found
    settings, taken = completed(settings, found.settings)
    if taken and tell is not None:
        tell(f"as {found.name} recommends: {_listed(taken)}")
    return settings


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_said(value)}" for name, value in values.items())


def _said(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "on", False: "off", None: "none"}[value]
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
