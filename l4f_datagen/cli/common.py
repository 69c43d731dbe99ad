"""What every command takes beside its own options: ``-q``, ``-v``, ``--json``, and defaults from the environment."""

import difflib
import logging
import os
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from ..console import output
from ..errors import UserError
from ..progress import live
from ..short import short

PREFIX = "L4F"
"""What variables begin with, before the command and the option in capitals: GENERATE_PSI, TRAIN_ALPHA_DEVICE."""


def with_common_options(command: click.Command) -> click.Command:
    """The command with the options that all have; groups hand them on to the commands in them."""
    if getattr(command, "has_common_options", False):
        return command
    command.has_common_options = True  # type: ignore[attr-defined]  # so that it is done once
    # At the command too: click keeps the help option that it made for whoever asked first, with a context or without.
    command.context_settings.setdefault("help_option_names", ["-h", "--help"])
    command.params.extend(verbosity_options())
    for parameter in command.params:
        if type(parameter.type) is click.types.StringParamType:
            parameter.type = _Text(parameter)
    if isinstance(command, click.Group):  # commands that a group finds when it is asked have theirs from it
        for inner in command.commands.values():
            with_common_options(inner)
        return command
    if "--json" not in [option for parameter in command.params for option in parameter.opts]:
        text = "print one JSON object in place of the closing line"
        command.params.append(click.Option(["--json"], is_flag=True, expose_value=False, help=text, callback=_json))
    original = command.invoke

    def invoke(context: click.Context) -> Any:
        _refuse_unknown_variables(context)
        try:
            return original(context)
        except UserError as error:
            raise _with_variable(error, context) from error

    command.invoke = invoke  # type: ignore[method-assign]
    return command


class _Text(click.types.StringParamType):
    """Text that a shell completes as the parameter's ``--help`` says: to folders, to files, or not at all."""

    def __init__(self, parameter: click.Parameter):
        said = parameter.metavar or ""
        places = isinstance(parameter, click.Argument) or any(word in said for word in ("FOLDER", "FILE", "PATH"))
        folder = said == "FOLDER" or (isinstance(parameter, click.Argument) and parameter.name in ("folder", "shards"))
        self._completed = "dir" if folder else "file" if places else None

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text. An empty one names no place: it is what a shell makes of a variable that was never set.

        Nor does "-", which stands for the standard streams elsewhere: here it would be a file's name.
        """
        if value == "" and self._completed:
            self.fail("an empty text is no place; check the variable or the pattern that it comes from.", param, ctx)
        if value == "-" and self._completed:
            self.fail("'-' is no place: nothing is read from standard input, and --json alone prints a result; "
                      "./- is a file of that name.", param, ctx)  # fmt: skip
        return super().convert(value, param, ctx)

    def shell_complete(
        self, context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type=self._completed)] if self._completed else []


def verbosity_options() -> list[click.Parameter]:
    """``-q`` and ``-v``, which may stand before the command and after it."""
    quiet = "show no progress and no notes: results and errors alone"
    verbose = "also say what is loaded and where, and at the end how long it took and how much memory"
    return [
        click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, help=quiet, callback=_quiet),
        click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, help=verbose, callback=_verbose),
    ]


def variable_of(context: click.Context, parameter: click.Parameter) -> str:
    """The environment variable that gives an option of a command its default."""
    return f"{context.auto_envvar_prefix}_{(parameter.name or '').upper()}"


def _quiet(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.with_resource(live.manner(quiet=True))
        _log(context, logging.ERROR)


def _verbose(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        _log(context, logging.INFO)
        start = time.monotonic()
        context.call_on_close(lambda: _tell_costs(time.monotonic() - start))


def _json(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.with_resource(output.as_json())


def _log(context: click.Context, level: int) -> None:
    logger = logging.getLogger("l4f_datagen")
    before = logger.level
    logger.setLevel(level)
    context.call_on_close(lambda: logger.setLevel(before))


def _tell_costs(seconds: float) -> None:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scale = 1 << 30 if sys.platform == "darwin" else 1 << 20  # bytes there, KiB elsewhere
    output.note(f"{live.duration(seconds)}, at most {most / scale:.1f} GiB of memory")


def _refuse_unknown_variables(context: click.Context) -> None:
    """Refuse variables of this command that give no option a default: they would do nothing."""
    begin = f"{context.auto_envvar_prefix}_"
    ours = sorted(name for name in os.environ if context.auto_envvar_prefix and name.startswith(begin))
    known = [variable_of(context, parameter) for parameter in context.command.params] if ours else []
    for name in ours:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            raise UserError(
                name, got="an environment variable of no option", expected=f"{begin}OPTION, in capitals",
                remedy=f"did you mean {nearest[0]}?" if nearest else "unset it",
            )  # fmt: skip


def _with_variable(error: UserError, context: click.Context) -> UserError:
    """The same mistake, with the environment variable it came from, if it came from one."""
    for parameter in context.command.params:
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.ENVIRONMENT:
            variable = variable_of(context, parameter)
            names = (parameter.name, *parameter.opts)
            if any(name in str(error.subject).split() or str(error.subject) == name for name in names):
                remedy = f"{error.remedy}; it comes from the environment variable {variable}"
                return type(error)(error.subject, got=error.got, expected=error.expected, remedy=remedy)
    return error


def told_usage_error(error: click.ClickException, words: Sequence[str] = ()) -> str:
    """A mistake that click found, with the environment variable that it came from, if it came from one.

    Args:
        words: of the command line.
    """
    text = error.format_message()
    if "unexpected extra argument" in text and any(words[i] == "--json" for i in range(len(words) - 1)):
        return f"{text}. --json takes no value: --json-file FILE writes a file, where there is one to write."
    parameter, context = getattr(error, "param", None), getattr(error, "ctx", None)
    if parameter is None or context is None or not context.auto_envvar_prefix:
        return text
    variable = variable_of(context, parameter)
    if variable in os.environ and context.get_parameter_source(parameter.name) in (None, ParameterSource.ENVIRONMENT):
        return f"{text} It comes from the environment variable {short(variable)}."
    return text
