"""The tars of shards, their stats saying that they have always been so."""

import json
import random
from collections.abc import Mapping

from l4f_datagen.shards.format import layout, sealed

from . import datasets
from .mutations import NUMBERS

_TAR, _STATS = layout.tar(0), layout.stats(0)
TOKENS = (
    b"00000000000\0", b"77777777777\0", b"-0000001000\0", b"-7777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12,
    b"99999999999\0", b"           \0", b"ustar\x0000", b"ustar  \0", b"././@LongLink", b"x", b"L", b"S", b"g", b"1",
    b"2", b"5", bytes(512), bytes(1024), b"000000000.json", b"000000001.", b"{}", b"null", b"[" * 3000,
    b"\xff\xd8\xff\xc0\0\x11",
    b"\x89PNG\r\n\x1a\n", b"IHDR\x7f\xff\xff\xff\x7f\xff\xff\xff", *NUMBERS,
)  # fmt: skip
IN_SUITE = 60
BYTES = 0.3


def seeds() -> Mapping[str, bytes]:
    """Of the two shards, the first."""
    return {_TAR: (datasets.made() / _TAR).read_bytes()}


def mutated(content: bytes, numbers: random.Random) -> bytes:
    """One header, or one member's content, changed, the checksum of the header right again."""
    changed = bytearray(content)
    at = numbers.choice([i for i in range(0, len(content), 512) if content[i + 257 : i + 262] == b"ustar"])
    if numbers.random() < 0.5:
        field = numbers.choice([(0, 100), (124, 12), (156, 1), (345, 155), (100, 8), (257, 6)])
        token = numbers.choice(TOKENS)[: field[1]]
        changed[at + field[0] : at + field[0] + len(token)] = token
    else:
        size = int(content[at + 124 : at + 135], 8)
        for _ in range(numbers.randint(1, 3)):
            place = at + 512 + numbers.randrange(size or 1)
            token = numbers.choice((bytes([numbers.randrange(256)]), *TOKENS))
            changed[place : place + len(token)] = token
    changed[at + 148 : at + 156] = b" " * 8
    changed[at + 148 : at + 156] = b"%06o\0 " % sum(changed[at : at + 512])
    return bytes(changed)


def read(content: bytes) -> None:
    """As readers, ``verify`` and ``finalize`` do."""
    place = datasets.with_file(_TAR, content)
    stats = json.loads((place / _STATS).read_bytes())
    stats["files"][_TAR]["bytes"] = len(content)
    (place / _STATS).write_bytes(sealed.seal(stats))
    datasets.verify_all(place)
    datasets.read_all(place)
