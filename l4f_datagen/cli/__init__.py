"""The command line: one file per command, and how their errors end."""

import logging
import os
import sys

import click
from click.shell_completion import shell_complete

from .. import __version__
from ..addresses import remember
from ..errors import UserError, WorkError
from ..process import signals, streams
from . import failures
from .commands import Commands, continues
from .common import PREFIX, told_usage_error, verbosity_options
from .hints import hint_for_option

_COMPLETE = "_L4F_DATAGEN_COMPLETE"
"""The variable in which a shell asks what a line could go on with."""


@click.command(
    cls=Commands,
    params=verbosity_options(),
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"], "auto_envvar_prefix": PREFIX},
)
@click.version_option(__version__)
def group() -> None:
    """Segmentation data sets from a StyleGAN2 that nobody labelled (Labels4Free)."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Returns 0, 1 (work failed), 2 (the user can mend it) or 130 (interrupted)."""
    with streams.guarded(), signals.interrupting():
        try:
            words = sys.argv[1:] if arguments is None else list(arguments)
            for word in (*words, *os.environ.values()):
                remember(word)
            code = _main(words)
            if sys.stdout is not None:
                sys.stdout.flush()
            if code == 0 and (problem := streams.unshown()):
                return _end(f"standard output could not be written ({problem}); what was made stays", 1)
            return code
        except KeyboardInterrupt:  # in the moment when all was done, or nothing begun
            return _end("interrupted", signals.INTERRUPTED)


def _main(words: list[str]) -> int:
    from ..process.memory import keep_freed_memory
    from ..process.triton import leave_out_triton

    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    keep_freed_memory()
    leave_out_triton()
    context = None
    try:
        # Not group.main(): it ends a line of its own before it passes an interruption on.
        with group.make_context("l4f-datagen", words) as context:
            group.invoke(context)
        return 0
    except click.exceptions.Exit as end:  # --help, --version
        return end.exit_code
    except UserError as error:
        return _end(str(error), 2)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        return 2
    except click.NoSuchOption as error:
        hint = hint_for_option(error, words)
        return _end(f"No such option {error.option_name}: {hint}" if hint else error.format_message(), 2)
    except click.ClickException as error:
        return _end(told_usage_error(error, words), 2)
    except WorkError as error:
        return _end(str(error), 1)
    except (KeyboardInterrupt, click.Abort):
        return _interrupted(context)
    except Exception as error:
        # Some libraries make an error of their own of an interruption.
        if signals.received() and not isinstance(error, OSError):
            return _interrupted(context)
        if (told := failures.told(error, words)) is None:
            raise
        return _end(*told)


def run() -> None:
    """The console script."""
    if instruction := os.environ.get(_COMPLETE):
        sys.exit(shell_complete(group, {"auto_envvar_prefix": PREFIX}, "l4f-datagen", _COMPLETE, instruction))
    signals.until_work_begins()
    streams.open_missing()
    with streams.guarded():
        code = main()
        signals.ending(code)
    sys.exit(code)


def _interrupted(context: click.Context | None) -> int:
    kept = context is not None and continues(context.invoked_subcommand or "")
    return _end("interrupted" + "; what was finished stays, and the same command continues" * kept, signals.INTERRUPTED)


def _end(message: str, code: int) -> int:
    print("l4f-datagen: " + " ".join(message.split()), file=sys.stderr)
    return code
