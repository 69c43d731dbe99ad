"""Zip archives of pictures."""

import io
import json
import zipfile
from pathlib import Path

from l4f_datagen.photographs.archives.zips import ZipImages
from tests.photographs.pictures import WHOLE

from .tars import read_all

TOKENS = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\xff\xff\xff\xff", b"\x08\0", b"\x63\0", b"\x01\0")


def seeds() -> dict[str, bytes]:
    """As stylegan2-ada-pytorch writes them, and packed ones."""
    found = {}
    for name, compression in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", compression) as archive:
            for number, picture in enumerate(("png", "grey png", "jpeg", "bmp")):
                archive.writestr(f"00000/img{number:08d}.png", WHOLE[picture][0])
            archive.writestr("ü/../b.jpg", WHOLE["jpeg"][0])
            archive.writestr("dataset.json", json.dumps({"labels": None}))
        found[name] = out.getvalue()
    return found


def read(content: bytes) -> None:
    """The archive as a source of photographs, all of them read."""
    path = Path("a.zip")
    path.write_bytes(content)
    read_all(ZipImages([path], Path()))
