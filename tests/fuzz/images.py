"""Pictures of every kind, as people bring them."""

from l4f_datagen.photographs.picture.decoding import Broken, decode, head
from tests.photographs.pictures import WHOLE

ALLOWED = (Broken,)
TOKENS = (
    b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9", b"\xff\xc2", b"\xff\xe1", b"Exif\0\0", b"IHDR", b"IDAT", b"IEND",
    b"tRNS", b"eXIf", b"acTL", b"fcTL", b"iCCP", b"RIFF", b"WEBP", b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF",
    b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"MPF\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0",
)  # fmt: skip


def seeds() -> dict[str, bytes]:
    """One of every kind."""
    return {name: content for name, (content, _) in WHOLE.items()}


def read(content: bytes) -> None:
    """The head, then all of it."""
    try:
        found = head(content)
    except Broken:
        found = None
    image = decode(content).image
    assert found is not None and found.size == image.shape[1::-1] and image.dtype == "uint8"
