"""The commands there are: every file of this folder that defines one. None is imported before it is asked for."""

import difflib
import importlib
import re
from functools import cache
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from .common import with_common_options
from .hints import hint_for_command

_FOLDER = Path(__file__).parent
_DECLARED = re.compile(r'^@click\.(?:command|group)\((?:name=)?"([\w-]+)",\s*short_help="([^"]+)"', re.MULTILINE)
_FIRST = (
    "generate", "preview", "train-generator", "train-alpha", "train-segmenter", "segment", "run", "render", "finalize",
    "verify", "stats", "export", "import", "analyze", "evaluate", "inspect", "convert",
)  # fmt: skip
"""The order in which people meet them; others follow by their names."""


@cache
def _found() -> dict[str, tuple[str, str]]:
    """Command → its file and what it does in a line, as its first lines say. Importing them all would take a second."""
    found = {}
    for path in sorted(_FOLDER.glob("*.py")):
        if declared := _DECLARED.search(path.read_text(encoding="utf-8")):
            found[declared[1]] = (path.stem, declared[2])
    place = {name: index for index, name in enumerate(_FIRST)}
    return dict(sorted(found.items(), key=lambda item: (place.get(item[0], len(place)), item[0])))


def command_names() -> tuple[str, ...]:
    """Every command, in the order in which people meet them."""
    return tuple(_found())


class Commands(click.Group):
    """Imports a command when it is asked for, so that ``--help`` and typing errors answer at once."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_found())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _found():
            return None
        return with_common_options(importlib.import_module(f".{_found()[name][0]}", __package__).command)

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, but an unknown command is told with the one that may have been meant."""
        name = words[0] if words else ""
        if name and name not in _found() and not name.startswith("-"):
            nearest = difflib.get_close_matches(name, _found(), n=1, cutoff=0.5)
            hint = hint_for_command(name) or (f"Did you mean {nearest[0]!r}?" if nearest else "See l4f-datagen --help.")
            raise click.UsageError(f"No such command {name!r}. {hint}", context)
        return super().resolve_command(context, words)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, does) for name, (_, does) in _found().items()])

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands with what they do; click's own would import each."""
        commands = [
            CompletionItem(name, help=does) for name, (_, does) in _found().items() if name.startswith(incomplete)
        ]
        return commands + super(click.Group, self).shell_complete(context, incomplete)
