"""Parquet files of pictures."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from l4f_datagen.photographs.archives.tables import ParquetImages
from tests.photographs.pictures import WHOLE

from .tars import read_all

TOKENS = (b"PAR1", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x08", b"image", b"bytes", b"path")


def seeds() -> dict[str, bytes]:
    """Structs and plain bytes, with and without dictionaries."""
    pictures = [WHOLE[name][0] for name in ("png", "jpeg", "png", "webp")]
    structs = pa.table({"image": [{"bytes": content, "path": "a.png"} for content in pictures], "label": [0, 1, 2, 3]})
    found = {}
    for name, table in (("structs", structs), ("bytes", pa.table({"jpg": pictures}))):
        for dictionary in (True, False):
            out = io.BytesIO()
            pq.write_table(table, out, use_dictionary=dictionary, row_group_size=3)
            found[f"{name}{' with a dictionary' * dictionary}"] = out.getvalue()
    return found


def read(content: bytes) -> None:
    """The file as a source of photographs, all of them read."""
    path = Path("a.parquet")
    path.write_bytes(content)
    read_all(ParquetImages([path], Path()))
