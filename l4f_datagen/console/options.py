"""Settings as command-line options: one declaration, in ``settings``, serves both."""

import functools
from collections.abc import Callable, Iterable, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
from click.shell_completion import CompletionItem
from pydantic_core import PydanticUndefined

from .. import resources
from ..kinds import Kinds
from ..progress.tracker import TRACKERS, Tracking
from ..settings import StageSettings
from ..settings.base import Metavar


def settings_options(
    model: type[StageSettings], *, only: tuple[str, ...] = (), without: tuple[str, ...] = (), optional: bool = False
) -> Callable:
    """Options for the fields of a model, in the order of their declaration; those not given are None.

    Args:
        only: some of its fields; none: all.
        without: fields that are given in another way, as an argument say.
        optional: none has to be given, though the model wants it.
    """

    def decorate(function: Callable) -> Callable:
        names = [name for name in model.by_outer_name() if name not in without and (not only or name in only)]
        for name in reversed(names):
            function = _option(model, name, optional)(function)
        return function

    return decorate


def _option(model: type[StageSettings], name: str, optional: bool) -> Callable:
    field = model.by_outer_name()[name]
    kinds = set(_kinds(field.annotation))
    choices = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), None) if len(kinds) == 1 else None
    written = [*field.metadata, *_annotations(field.annotation)]
    metavar = next((one.text for one in written if isinstance(one, Metavar)), None)
    if listed := next((one for one in written if isinstance(one, Kinds)), None):
        choices = None if listed.families else listed.names
        metavar = f"[{'|'.join(listed.forms)}]" if listed.families else metavar
    default = field.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    text = (
        field.description if default in (None, "", PydanticUndefined) else f"{field.description}  [default: {default}]"
    )
    flag = name.replace("_", "-")
    if field.annotation == tuple[str, ...]:
        return click.option(f"--{flag}", name, multiple=True, metavar=metavar, help=text, callback=_given)
    if kinds == {bool}:
        return click.option(f"--{flag}/--no-{flag}", name, default=None, help=text)
    if not metavar and not choices:
        metavar = "INTEGER" if kinds == {int} else "NUMBER" if kinds == {float} else "TEXT"
    return click.option(
        f"--{flag}",
        name,
        type=click.Choice(choices) if choices else str,
        metavar=metavar,
        default=None,
        required=field.is_required() and not optional,
        help=text,
        shell_complete=_embedded if metavar and "NAME" in metavar and "PATH" in metavar else None,
    )


def config_option(command: Callable) -> Callable:
    """The option ``--config``, of every command that a pipeline file has settings for."""
    text = "pipeline file; flags override it"
    return click.option("--config", metavar="PATH|NAME", help=text, shell_complete=complete_pipelines)(command)


def _embedded(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of embedded checkpoints, or files."""
    return _named(resources.embedded("checkpoints"), incomplete)


def complete_pipelines(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of pipeline files that come with the package, or files."""
    return _named(resources.embedded("pipelines", ".yaml"), incomplete)


def _named(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def allow_mixed(command: Callable) -> Callable:
    """The flag ``--allow-mixed``, of every command that makes shards."""
    text = "make shards beside ones of other versions or another kind of processor, though samples differ"
    return click.option("--allow-mixed", is_flag=True, help=text)(command)


def tracking_options(command: Callable) -> Callable:
    """The options of what trains that say where the terms go too: the command gets them as its ``tracking``."""

    @functools.wraps(command)
    def tracked(*words: Any, tensorboard: bool, report: tuple[str, ...], **flags: Any) -> Any:
        names = tuple(dict.fromkeys([*report, *["tensorboard"] * tensorboard]))
        return command(*words, tracking=Tracking(names), **flags)

    text = "also send the terms of training there; may be given several times"
    tracked = click.option("--tensorboard", is_flag=True, help="the same as --report tensorboard")(tracked)
    return click.option("--report", type=click.Choice(TRACKERS.names), multiple=True, help=text)(tracked)


def no_recommended(command: Callable) -> Callable:
    """The flag ``--no-recommended``, of the commands that use an alpha network."""
    text = "take defaults for what is not said, not what the checkpoint's card recommends"
    return click.option("--no-recommended", is_flag=True, help=text)(command)


def _given(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...] | None:
    """None for an option that was not given, as for all others."""
    return value or None


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types that a value may have, without None and what is told about them."""
    if get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    elif annotation is not NoneType:
        yield annotation


def _annotations(annotation: Any) -> Iterator[Any]:
    """What is told about a type and its parts."""
    if get_origin(annotation) is Annotated:
        inner, *told = get_args(annotation)
        yield from told
        yield from _annotations(inner)
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _annotations(part)
