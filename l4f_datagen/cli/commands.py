"""The commands there are: every file of this folder, and of the stages, that defines one.

None is imported before it is asked for.
"""

import difflib
import importlib
import re
from functools import cache
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from .common import with_common_options
from .hints import hint_for_command

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = ("cli", "experiment/stages")
_DECLARED = re.compile(r'^@click\.(?:command|group)\(\s*(?:name=)?"([\w -]+)",\s*short_help="([^"]+)"', re.MULTILINE)
_FIRST = (
    "generate", "preview", "gallery", "train-generator", "train-alpha", "train-segmenter", "segment", "train-encoder",
    "train-layered", "project", "edit", "run", "render", "finalize", "verify", "stats", "export", "import", "analyze",
    "evaluate", "inspect", "convert", "card",
)  # fmt: skip
"""The order in which people meet them; others follow by their names."""


@cache
def _found() -> dict[str, tuple[str, str]]:
    """Command → its module and what it does in a line, as its file says. Importing them all would take a second."""
    found = {}
    for folder in _FOLDERS:
        for path in sorted((_PACKAGE / folder).glob("*.py")):
            if declared := _DECLARED.search(path.read_text(encoding="utf-8")):
                found[declared[1]] = (f"{_PACKAGE.name}.{folder.replace('/', '.')}.{path.stem}", declared[2])
    place = {name: index for index, name in enumerate(_FIRST)}
    return dict(sorted(found.items(), key=lambda item: (place.get(item[0], len(place)), item[0])))


def command_names() -> tuple[str, ...]:
    """Every command that is not part of another one, in the order in which people meet them."""
    return tuple(name for name in _found() if " " not in name)


def continues(name: str) -> bool:
    """Whether a command keeps what was finished when it is interrupted, and goes on: stages of experiments do."""
    return name in ("render", "import", "run") or ".stages." in _found().get(name, ("", ""))[0]


def options_of(name: str) -> frozenset[str]:
    """The options of a command, ``evaluate alpha`` say; none where there is no such command."""
    if name not in _found():
        return frozenset()
    command = importlib.import_module(_found()[name][0]).command
    return frozenset(option for parameter in command.params for option in parameter.opts)


class Commands(click.Group):
    """Imports a command when it is asked for, so that ``--help`` and typing errors answer at once."""

    within = ""
    """The command whose parts these are, and a space."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self._does())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self._does():
            return None
        command = importlib.import_module(_found()[self.within + name][0]).command
        command.name = name
        return with_common_options(command)

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, but an unknown command is told with the one that may have been meant."""
        name, known = words[0] if words else "", self._does()
        if name and name not in known and not name.startswith("-"):
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            help_line = f"See l4f-datagen {self.within}--help."
            hint = hint_for_command(name) or (f"Did you mean {nearest[0]!r}?" if nearest else help_line)
            raise click.UsageError(f"No such command {name!r}. {hint}", context)
        return super().resolve_command(context, words)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._does().items()))

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands with what they do; click's own would import each."""
        commands = [
            CompletionItem(name, help=does) for name, does in self._does().items() if name.startswith(incomplete)
        ]
        return commands + super(click.Group, self).shell_complete(context, incomplete)

    def _does(self) -> dict[str, str]:
        """Its commands, and what each does in a line."""
        names = (name for name in _found() if name.startswith(self.within))
        parts = {name.removeprefix(self.within): _found()[name][1] for name in names}
        return {name: does for name, does in parts.items() if " " not in name}


class Measurements(Commands):
    """The parts of ``evaluate``."""

    within = "evaluate "
