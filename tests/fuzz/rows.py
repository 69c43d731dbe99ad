"""The Parquet files of shards, their stats saying that they have always been so."""

import json
from collections.abc import Mapping

from l4f_datagen.shards.format import layout, sealed

from . import datasets
from .mutations import NUMBERS

_ROWS, _STATS = layout.parquet(0), layout.stats(0)
TOKENS = (b"PAR1", b"PARE", b"\x15\x00", b"\x15\x80\x80\x80\x80\x08", b"\x19\xfc", b"\x1c", b"\xff\xff\xff\xff\x0f",
          b"\x00" * 16, b"ARROW:schema", *NUMBERS)  # fmt: skip
IN_SUITE = 60


def seeds() -> Mapping[str, bytes]:
    """Those of the first shard."""
    return {_ROWS: (datasets.made() / _ROWS).read_bytes()}


def read(content: bytes) -> None:
    """As ``stats``, ``verify`` and ``finalize`` do."""
    place = datasets.with_file(_ROWS, content)
    stats = json.loads((place / _STATS).read_bytes())
    stats["files"][_ROWS]["bytes"] = len(content)
    (place / _STATS).write_bytes(sealed.seal(stats))
    datasets.verify_all(place)
    for name in layout.FINAL:
        (place / name).unlink()
    datasets.read_all(place)
    datasets.finish(place)
