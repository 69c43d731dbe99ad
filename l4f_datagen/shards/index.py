"""Files over all shards: the metadata of all samples, and what loaders of other projects look for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import parquet
from ..errors import WorkError
from . import checksums, layout
from .schema import SCHEMA
from .store import Store


def write_indexes(store: Store, shards: int, name: str) -> None:
    """Write ``metadata.parquet``, ``wids.json``, ``sizes.json`` (OpenCLIP), ``_info.json`` (timm) and ``SHA256SUMS``.

    Every shard has to be done. The rows of shard s are row group s of ``metadata.parquet``.
    """
    with store.replacing(layout.METADATA) as file, pq.ParquetWriter(file, SCHEMA) as writer:
        for shard in range(shards):
            writer.write_table(_rows(store, shard))
    for file_name, content in loader_indexes(list(_tar_stats(store, shards)), name).items():
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


def _rows(store: Store, shard: int) -> pa.Table:
    name = layout.parquet(shard)
    try:
        table = parquet.read_table(store.read_bytes(name))
        problem = None if table.schema.equals(SCHEMA) else "other columns than those of a data set"
    except parquet.Broken as error:
        problem = str(error)
    if problem:
        raise WorkError(f"{store.where(name)} is damaged ({problem}): l4f-datagen verify --repair makes it again")
    return table


def _tar_stats(store: Store, shards: int) -> Iterator[tuple[str, int, dict]]:
    for shard in range(shards):
        stats = json.loads(store.read_bytes(layout.stats(shard)))
        yield layout.tar(shard), stats["samples"], stats["files"][layout.tar(shard)]
