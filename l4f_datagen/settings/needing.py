"""Settings that do something only beside others: said where they do nothing, in one way for all commands."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..errors import UserError
from ..short import short


class Needs(NamedTuple):
    """What a setting needs beside it."""

    setting: str
    """The outer name of another setting of the same model."""
    met: Callable[[Any], bool]
    """Whether settings of that model make use of it."""
    told: str
    """What would make use of it, in the words of a refusal: "--gif"."""


def beside(setting: str, told: str, *values: Any) -> Needs:
    """The need of another setting with one of some values; without values, of one that is neither nothing nor 0."""
    return Needs(setting, lambda s: getattr(s, setting) in values if values else bool(getattr(s, setting)), told)


def unless(setting: str, told: str, *values: Any) -> Needs:
    """The need of another setting with none of some values; without values, of one that is not set."""
    return Needs(setting, lambda s: getattr(s, setting) not in values if values else not getattr(s, setting), told)


def a_world(setting: str) -> Needs:
    """The need of images of a world."""
    return Needs(setting, lambda s: str(getattr(s, setting)).startswith("world:"), f"world:NAME as {setting}")


LOSSY = unless("image_format", "--image-format jpg or webp", "png")
"""The need of an image format that has a quality."""


def refuse_idle(settings: Any, names: Iterable[str], *, but: Iterable[str] = ()) -> None:
    """Refuse settings that others of the same model leave without effect; a default says nothing and is taken.

    Args:
        settings: a ``StageSettings``; its ``NEEDS`` are looked at.
        names: outer names of those that somebody gave.
        but: settings whose values are not known yet: what needs them passes.

    Raises:
        UserError: one has no effect.
    """
    left, waited_for, default = settings.NEEDS, set(but), settings.defaults
    for name in names:
        need = left.get(name)
        if need and name not in default and need.setting not in waited_for and not need.met(settings):
            value = getattr(settings, name, getattr(settings, f"{name}_", None))
            raise idle(f"--{name.replace('_', '-')}", value, need.told)


def idle(flag: str, value: object, needed: str) -> UserError:
    """The refusal of a flag that has no effect.

    Args:
        value: what it was given; True for a flag without a value.
        needed: what would make use of it: "--random".
    """
    values = value if isinstance(value, (list, tuple)) else (value,)
    given = "it" if value is True else short(", ".join(map(str, values)), 60)
    return UserError(
        flag, got=f"{given}, which has no effect here", expected=f"{needed} beside it",
        remedy=f"add that, or leave {flag} out",
    )  # fmt: skip
