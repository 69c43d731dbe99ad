"""Settings as command-line options: one declaration, in ``settings``, serves both."""

from collections.abc import Callable
from typing import Literal, get_args, get_origin

import click
from pydantic_core import PydanticUndefined

from ..settings import StageSettings


def setting(model: type[StageSettings], name: str, *, metavar: str | None = None) -> Callable:
    """A click option for one field of a stage's settings; not given, it is None."""
    field = model.model_fields[name]
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else None
    default = field.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    text = (
        field.description if default in (None, "", PydanticUndefined) else f"{field.description}  [default: {default}]"
    )
    flag = name.replace("_", "-")
    if field.annotation == tuple[str, ...]:
        return click.option(f"--{flag}", name, multiple=True, metavar=metavar, help=text, callback=_given)
    if field.annotation is bool:
        return click.option(f"--{flag}/--no-{flag}", name, default=None, help=text)
    return click.option(
        f"--{flag}",
        name,
        type=click.Choice(choices) if choices else str,
        metavar=metavar or (None if choices else _METAVARS.get(_plain(field.annotation), "TEXT")),
        default=None,
        required=field.is_required(),
        help=text,
    )


def allow_mixed(command: Callable) -> Callable:
    """The flag ``--allow-mixed``, of every command that makes shards."""
    text = "make shards beside ones of other versions or another kind of processor, though samples differ"
    return click.option("--allow-mixed", is_flag=True, help=text)(command)


_METAVARS = {int: "INTEGER", int | None: "INTEGER", float: "NUMBER", float | None: "NUMBER"}


def _given(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...] | None:
    """None for an option that was not given, as for all others."""
    return value or None


def _plain(annotation: object) -> object:
    """The type inside ``Annotated``."""
    return getattr(annotation, "__origin__", annotation)
