"""Tar archives of pictures, of other programs too."""

import io
import tarfile
from pathlib import Path

from l4f_datagen.photographs.archives.tars import TarImages
from tests.photographs.pictures import WHOLE

TOKENS = (b"ustar\0", b"ustar  ", b"././@LongLink", b"././@PaxHeader", b"-0000001", b"\x80\0\0\0", b"\xff\xff\xff\xff",
          b"20 size=99999999999\n", b"\x1f\x8b\x08", b"L", b"x", b"g", b"S", b"1")  # fmt: skip


def seeds() -> dict[str, bytes]:
    """USTAR, GNU and PAX, plain and packed."""
    picture = WHOLE["jpeg"][0]
    members = {"a.jpg": picture, f"{'deep/' * 30}b.png": WHOLE["png"][0], "ü.jpg": picture, "a.json": b"{}"}
    found = {}
    for name, way in (("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        for mode in ("w", "w:gz"):
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode=mode, format=way) as archive:
                for member, content in members.items():
                    info = tarfile.TarInfo(member)
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
            found[name + mode[1:]] = out.getvalue()
    return found


def mutated(content: bytes, numbers) -> bytes:
    """A header with another number or kind, its checksum made to hold."""
    blocks = len(content) // 512
    if not blocks or content[:2] == b"\x1f\x8b":
        return content[: numbers.randrange(len(content) + 1)]
    changed = bytearray(content)
    headers = [at for at in range(0, blocks * 512, 512) if changed[at + 257 : at + 262] == b"ustar"]
    at = numbers.choice(headers) if headers else 0
    field, width = numbers.choice([(124, 12), (156, 1), (0, 100), (345, 155), (100, 8)])
    values = [
        b"-0000000512",
        b"77777777777",
        b"\x80" + b"\0" * 4 + b"\xff" * 7,
        b"\xff" * 12,
        b"00000000000",
        b"x",
        b"L",
    ]
    value = numbers.choice(values)[:width]
    changed[at + field : at + field + len(value)] = value
    changed[at + 148 : at + 156] = b" " * 8
    changed[at + 148 : at + 156] = b"%06o\0 " % sum(changed[at : at + 512])
    return bytes(changed)


def read(content: bytes) -> None:
    """The archive as a source of photographs, all of them read."""
    path = Path("a.tar")
    path.write_bytes(content)
    read_all(TarImages([path], Path()))


def read_all(source) -> None:
    """Everything that is asked of a source."""
    source.digest()
    source.left_out.text()
    for index in range(len(source)):
        assert source.name(index) and source.relative_name(index)
        assert not source.place(index).is_absolute() and ".." not in source.place(index).parts
        try:
            source.read(index, 64)
        except (OSError, ValueError) as error:
            assert str(error)
