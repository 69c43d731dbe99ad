"""Files over all shards: the metadata of all samples, and what loaders of other projects look for."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq

from ...storage.store import Store
from .. import naming
from ..damage import Damaged
from . import checksums, layout, rows, stats


def write_indexes(store: Store, shards: int, name: str) -> None:
    """Write ``metadata.parquet``, ``wids.json``, ``sizes.json`` (OpenCLIP), ``_info.json`` (timm) and ``SHA256SUMS``.

    Every shard has to be done. The rows of shard s are row group s of ``metadata.parquet``.

    Raises:
        Damaged: stats or rows of a shard cannot be used.
    """
    with store.replacing(layout.METADATA) as file, contextlib.ExitStack() as stack:
        writer = None
        for shard in range(shards):
            table = rows.read(store, shard, stats.read(store, shard)["samples"])
            writer = writer or stack.enter_context(pq.ParquetWriter(file, table.schema))
            if not table.schema.equals(writer.schema):
                raise Damaged(store.where(naming.rows_of(store, shard)), "other columns than those of the first shard")
            writer.write_table(table)
    for file_name, content in loader_indexes(list(tar_stats(store, shards)), name).items():
        store.write_bytes(file_name, content)
    checksums.write_checksums(store, shards)


def loader_indexes(all_stats: Sequence[tuple[str, int, Mapping[str, Any]]], name: str) -> dict[str, bytes]:
    """The indexes of other projects' loaders: file name → bytes.

    Args:
        all_stats: name, samples, and size and checksums (``files`` of the stats) of every tar.
    """
    wids = {
        "__kind__": "wids-shard-index-v1",
        "wids_version": 1,
        "name": name,
        "shardlist": [
            {"url": tar, "nsamples": samples, "md5sum": file["md5"], "filesize": file["bytes"]}
            for tar, samples, file in all_stats
        ],
    }
    split = {
        "name": "train",
        "num_samples": sum(samples for _, samples, _ in all_stats),
        "filenames": [tar for tar, _, _ in all_stats],
        "shard_lengths": [samples for _, samples, _ in all_stats],
    }
    contents = {
        layout.WIDS: wids,
        layout.OPENCLIP: {tar: samples for tar, samples, _ in all_stats},
        layout.TIMM: {"splits": {"train": split}},
    }
    return {name: json.dumps(content, indent=1).encode() + b"\n" for name, content in contents.items()}


def tar_stats(store: Store, shards: int) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """For every shard: name of its tar, number of samples, size and checksums of its tar."""
    for shard in range(shards):
        found = stats.read(store, shard)
        yield layout.tar(shard), found["samples"], found["files"][layout.tar(shard)]
