"""``NNNNN_stats.json``, its own checksum right again in most cases."""

import random
from collections.abc import Mapping

from l4f_datagen.shards.format import layout

from . import datasets
from .mutations import json_mutated

TOKENS = (b"[" * 3000, b'{"a":' * 3000, b"1e400", b"NaN", b"9" * 5000, b"null", b"true", b'"', b"\\ud800", b",", b"}")
IN_SUITE = 60
BYTES = 0.25
_STATS = layout.stats(0)


def seeds() -> Mapping[str, bytes]:
    """Those of the first shard."""
    return {_STATS: (datasets.made() / _STATS).read_bytes()}


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """A field changed."""
    return json_mutated(content, numbers)


def read(content: bytes) -> None:
    """As readers, ``verify`` and ``finalize`` do."""
    place = datasets.with_file(_STATS, content, resealed=True)
    datasets.verify_all(place)
    datasets.read_all(place)
    datasets.finish(place)
