"""Files over all shards: the metadata of all samples, and what loaders of other projects look for."""

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from . import layout
from .schema import SCHEMA
from .store import Store


def write_indexes(store: Store, shards: int) -> None:
    """Write ``metadata.parquet``, ``wids.json``, ``sizes.json`` (OpenCLIP) and ``_info.json`` (timm).

    Every shard has to be done. Memory does not grow with their number.
    """
    with store.replacing(layout.METADATA) as file, pq.ParquetWriter(file, SCHEMA) as writer:
        for shard in range(shards):
            content = store.read_bytes(layout.parquet(shard))
            writer.write_table(pq.read_table(pa.BufferReader(content), schema=SCHEMA))
    all_stats = list(_tar_stats(store, shards))
    wids = {
        "__kind__": "wids-shard-index-v1",
        "wids_version": 1,
        "name": store.name,
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
    _write_json(store, layout.WIDS, wids)
    _write_json(store, layout.OPENCLIP, {tar: samples for tar, samples, _ in all_stats})
    _write_json(store, layout.TIMM, {"splits": {"train": split}})


def _tar_stats(store: Store, shards: int) -> Iterator[tuple[str, int, dict]]:
    for shard in range(shards):
        stats = json.loads(store.read_bytes(layout.stats(shard)))
        yield layout.tar(shard), stats["samples"], stats["files"][layout.tar(shard)]


def _write_json(store: Store, name: str, content: object) -> None:
    store.write_bytes(name, json.dumps(content, indent=1).encode() + b"\n")
