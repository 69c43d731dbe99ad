"""Files over all shards: the metadata of all samples, and what loaders of other projects look for."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from . import atomic, layout
from .schema import SCHEMA


def write_indexes(folder: Path, shards: int, name: str) -> None:
    """Write ``metadata.parquet``, ``wids.json``, ``sizes.json`` (OpenCLIP) and ``_info.json`` (timm).

    Every shard has to be done. Memory does not grow with their number.
    """
    with atomic.replacing(folder / layout.METADATA) as file, pq.ParquetWriter(file, SCHEMA) as writer:
        for shard in range(shards):
            writer.write_table(pq.read_table(folder / layout.parquet(shard), schema=SCHEMA))
    all_stats = list(_tar_stats(folder, shards))
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
    _write_json(folder / layout.WIDS, wids)
    _write_json(folder / layout.OPENCLIP, {tar: samples for tar, samples, _ in all_stats})
    _write_json(folder / layout.TIMM, {"splits": {"train": split}})


def _tar_stats(folder: Path, shards: int) -> Iterator[tuple[str, int, dict]]:
    for shard in range(shards):
        stats = json.loads((folder / layout.stats(shard)).read_text())
        yield layout.tar(shard), stats["samples"], stats["files"][layout.tar(shard)]


def _write_json(path: Path, content: object) -> None:
    atomic.write_bytes(path, json.dumps(content, indent=1).encode() + b"\n")
