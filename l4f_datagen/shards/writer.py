"""One shard is written: samples → tar, Parquet, DALI index and, last, its stats."""

import contextlib
import functools
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..mask_files.values import MaskValues
from ..overlap import ordered_map
from ..process.cores import cores
from ..process.spending import SPENDING
from ..sample import Sample
from ..storage.opening import open_store
from ..storage.store import Store
from . import naming
from .format import encoding, layout, schema, sealed, stats
from .format.tar import Sink, TarWriter

_CHUNK = 32  # samples encoded at a time
_CHUNK_PIXELS = _CHUNK << 14  # but no more than so many of 128 px: chunks of large ones would only fill the memory
_ENCODERS = max(1, cores() // 2)  # on CPU the networks want the cores too


def write_shard(
    place: str | Path | Store,
    shard: int,
    samples: Iterable[Sample],
    *,
    image_format: str,
    quality: int,
    mask_values: MaskValues,
    fingerprint: str | None = None,
    made_by: Mapping[str, Any] | None = None,
    report: Callable[[], None] = lambda: None,
) -> dict[str, object]:
    """Write the files of one shard, and return its stats. Samples are encoded in threads.

    Args:
        fingerprint: of the data set's settings, by which the stats say what data set the shard belongs to.
        report: called after each sample.
        made_by: what the stats say of the arithmetic that makes the samples.

    Raises:
        OSError: the disk is full, say; no file of the shard is left half-written.
    """
    store, rows, lines, rejected = open_store(place), [], [], Counter()
    encoding_of = functools.partial(
        encoding.encode, image_format=image_format, quality=quality, mask_values=mask_values
    )

    @SPENDING.on("encoding")
    def encode(chunk: Sequence[Sample]) -> list[tuple[Sample, dict[str, bytes]]]:
        return [(sample, encoding_of(sample)) for sample in chunk]

    encoded = ordered_map(
        encode,
        _chunks(samples),
        workers=_ENCODERS,
        ahead=_ENCODERS + 1,
    )
    with store.replacing(layout.tar(shard)) as file, contextlib.closing(encoded):
        hashing = _HashingFile(file)
        tar = TarWriter(hashing)
        for chunk in encoded:
            with SPENDING.on("writing"):
                for sample, members in chunk:
                    places = []
                    for extension in sorted(members):
                        name, content = f"{sample.key}.{extension}", members[extension]
                        places.append((extension, tar.add(name, content), len(content), name))
                    lines.append(index_line(places))
                    rows.append(sample.metadata)
                    rejected.update(sample.rejected)
                    report()
        tar.close()
        tar_digest = hashing.digest()
    parquet, index = _parquet(rows), index_content(lines)
    rows_file = naming.rows_of(store, shard)
    store.write_bytes(rows_file, parquet)
    store.write_bytes(layout.index(shard), index)
    stats_of = {
        "shard": shard,
        **({} if fingerprint is None else {"fingerprint": fingerprint}),
        **(made_by or {}),
        "samples": len(rows),
        "rejected": dict(sorted(rejected.items())),
        "files": {
            layout.tar(shard): tar_digest,
            rows_file: _digest(parquet),
            layout.index(shard): _digest(index),
        },
        "means": means(rows),
    }
    content = sealed.seal(stats_of)
    store.write_bytes(layout.stats(shard), content)
    return stats.parse(content, store.where(layout.stats(shard)), shard)


def means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Means of the scores over the samples of a shard, as its stats hold them."""
    names = ("mask_area", "decisiveness", "stability", "components", "touches_border")
    return {name: round(sum(row[name] for row in rows) / len(rows), 6) for name in names}


def index_line(places: Iterable[tuple[str, int, int, str]]) -> str:
    """A sample's line of the DALI index: extension, offset, size and name of every member."""
    return " ".join(f"{e} {o} {s} {n}" for e, o, s, n in places)


def index_content(lines: Sequence[str]) -> bytes:
    """The DALI index of samples with these lines."""
    return "\n".join((f"v1.2 {len(lines)}", *lines, "")).encode()


def _chunks(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Samples, a few at a time: handing each to a thread by itself would cost as much as encoding it."""
    chunk: list[Sample] = []
    for sample in samples:
        chunk.append(sample)
        if len(chunk) == _CHUNK or len(chunk) * sample.mask.size >= _CHUNK_PIXELS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


class _HashingFile:
    """A file for writing that computes checksums on the way, in large pieces.

    Large ones, since each piece gives the interpreter's lock away and waits for it again.
    """

    _PIECE = 1 << 20

    def __init__(self, file: Sink):
        self._file, self._waiting = file, bytearray()
        self._md5, self._sha256, self._size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0

    def write(self, content: bytes | bytearray) -> int:
        self._waiting += content
        if len(self._waiting) >= self._PIECE:
            self.flush()
        return len(content)

    def flush(self) -> None:
        """Write the bytes that are waiting, and add them to the checksums."""
        self._md5.update(self._waiting)
        self._sha256.update(self._waiting)
        self._file.write(self._waiting)
        self._size += len(self._waiting)
        self._waiting.clear()

    def digest(self) -> dict[str, object]:
        """Size and checksums of what was written."""
        self.flush()
        return {"bytes": self._size, "md5": self._md5.hexdigest(), "sha256": self._sha256.hexdigest()}


def _parquet(rows: list[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(schema.table(rows), buffer)
    return buffer.getvalue()


def _digest(content: bytes) -> dict[str, object]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
