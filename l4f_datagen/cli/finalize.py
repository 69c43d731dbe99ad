"""``l4f-datagen finalize``."""

import click

from ..console.output import result


@click.command("finalize", short_help="End a data set that was made in ranges of shards.")
@click.argument("folder")
@click.option(
    "--allow-mixed", is_flag=True, help="take shards that other versions or processors made, whose samples differ"
)
def command(folder: str, allow_mixed: bool) -> None:
    """Write the files over all shards of a data set: metadata.parquet and the indexes.

    For data sets whose shards were made by several commands with --shard-range, once all of those have
    ended. Refused while shards are missing, which are named, and where several versions or kinds of processors made
    them.
    """
    from ..making.trunk import finalize

    counts = finalize(folder, allow_mixed=allow_mixed)["counts"]
    text = f"{folder}: {counts['samples']} samples in {counts['shards']} shards; complete"
    result(text, {"out": folder, "samples": counts["samples"], "shards": counts["shards"]})
