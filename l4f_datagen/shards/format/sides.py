"""What an image file tells without being decoded: its height and width, and whether it is whole."""

import struct
import zlib

_PNG, _JPEG, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF"
_PNG_END, _JPEG_END = b"IEND", b"\xff\xd9"
MOST_PIXELS = 1 << 27
"""The most pixels of an image in a data set; in colours they take 400 MB."""
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check(content: bytes, name: str, size: tuple[int, int]) -> None:
    """Raise ValueError unless a PNG, JPEG or WebP is of this height and width."""
    if (found := of(content, name)) != size:
        raise ValueError(f"{name} has {found[0]}×{found[1]} pixels; expected {size[0]}×{size[1]}")


def of(content: bytes, name: str) -> tuple[int, int]:
    """Height and width of an image file, from its head.

    Raises:
        ValueError: it is none of these formats, or has more than ``MOST_PIXELS``.
    """
    try:
        if content[:8] == _PNG:
            width, height = struct.unpack_from(">II", content, 16)
        elif content[:2] == _JPEG:
            height, width = _of_jpeg(content)
        elif content[:4] == _RIFF:
            height, width = _of_webp(content)
        else:
            raise ValueError(f"{name} cannot be decoded: no PNG, JPEG or WebP" if content else f"{name} is empty")
    except (struct.error, IndexError):
        raise ValueError(f"{name} cannot be decoded: it is cut short") from None
    if not 0 < height * width <= MOST_PIXELS:
        raise ValueError(f"{name} has {height}×{width} pixels")
    return height, width


def check_whole(content: bytes, image_format: str) -> None:
    """Raise ValueError unless a file ends where it should, and a PNG's checksums hold. Decoders would forgive both.

    ``image_format``: jpg, png or webp.
    """
    {"jpg": _check_jpeg, "png": _check_png, "webp": _check_webp}[image_format](content)


def _of_jpeg(content: bytes) -> tuple[int, int]:
    at = 2
    while True:
        if content[at] != 0xFF:
            raise IndexError
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _FRAMES:
            return struct.unpack_from(">HH", content, at + 5)
        elif marker in _BARE:
            at += 2
        else:
            at += 2 + max(2, struct.unpack_from(">H", content, at + 2)[0])


def _of_webp(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[27:30], "little"), 1 + int.from_bytes(content[24:27], "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    width, height = struct.unpack_from("<HH", content, 26)
    return height & 0x3FFF, width & 0x3FFF


def _check_png(content: bytes) -> None:
    """Check that every chunk is whole and fits its checksum, that the last is IEND, and that nothing follows it."""
    if content[:8] != _PNG:
        raise ValueError("no PNG")
    at, kind = 8, b""
    while kind != _PNG_END:
        if len(content) < at + 12:
            raise ValueError("a PNG that is cut short")
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if len(content) < end:
            raise ValueError("a PNG that is cut short")
        if zlib.crc32(memoryview(content)[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
            raise ValueError(f"a PNG with a damaged chunk {kind.decode(errors='replace')}")
        at = end
    if len(content) != at:
        raise ValueError(f"a PNG with {len(content) - at} bytes after its end")


def _check_jpeg(content: bytes) -> None:
    if content[:2] != _JPEG:
        raise ValueError("no JPEG")
    if content[-2:] != _JPEG_END:
        raise ValueError("a JPEG that is cut short")


def _check_webp(content: bytes) -> None:
    if content[:4] != _RIFF or content[8:12] != b"WEBP":
        raise ValueError("no WebP")
    if len(content) != 8 + int.from_bytes(content[4:8], "little"):
        raise ValueError(
            f"a WebP of {len(content)} bytes that should have {8 + int.from_bytes(content[4:8], 'little')}"
        )
