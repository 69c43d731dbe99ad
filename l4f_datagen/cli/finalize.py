"""``l4f-datagen finalize``."""

import click


@click.command("finalize", short_help="End a data set that was made in ranges of shards.")
@click.argument("folder")
def command(folder: str) -> None:
    """Write the files over all shards of a data set: metadata.parquet and the indexes.

    For data sets whose shards were made by several commands with --shard-range, once all of those have
    ended. Refused while shards are missing; names them.
    """
    from ..engines.dataset import finalize

    counts = finalize(folder)["counts"]
    click.echo(f"{folder}: {counts['samples']} samples in {counts['shards']} shards; complete")
