"""Which of the objects that an instance reference finds count: types of settings that several stages share."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .base import Metavar

SCORE, AREA = 0.5, 0.01
"""Defaults: the score from which a detection counts, and the share of the pixels from which it is an object."""


def _names(value: Any) -> Any:
    """Accept "cat,17" and numbers among names; each once, in one order, so that the order of naming changes nothing."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)) or not all(type(part) in (str, int) for part in value):
        return value
    return tuple(sorted({text for part in value if (text := str(part).strip())}))


_Name = Annotated[str, Field(max_length=200)]
ReferenceScore = Annotated[
    float, Field(ge=0, le=1, description="score from which a detection of an instance reference counts")
]
ReferenceClasses = Annotated[
    tuple[_Name, ...],
    BeforeValidator(_names),
    Metavar("CLASS,…"),
    Field(description="classes of an instance reference that count, names or numbers; default: all"),
]
ObjectArea = Annotated[
    float, Field(gt=0, le=1, description="share of the pixels from which an instance of the reference is an object")
]
