"""``python -m l4f_datagen``, and the console script."""

from .process import signals


def run() -> None:
    """Run the command line, and end the process with its code."""
    signals.until_work_begins()  # one may come while the rest is imported
    from . import cli

    cli.run()


if __name__ == "__main__":
    run()
