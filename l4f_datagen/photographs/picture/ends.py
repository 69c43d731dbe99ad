"""Checks that picture files end where they should: decoders forgive a file that was cut short."""

import re

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_START_OF_SCAN, _END, _ALONE = 0xDA, 0xD9, frozenset((0x01, *range(0xD0, 0xD9)))
_UNWRITTEN = bytes(16)
"""What a copy that was broken off leaves, and what decoders take for a picture."""
_SCANS_PIXELS = 4_000_000_000
"""The most scans times pixels: a progressive JPEG of thousands of empty scans would be decoded for minutes."""


def check_end(content: bytes, kind: str, size: tuple[int, int]) -> None:
    """Raise ValueError if the file ends before its picture does, or would be decoded without end."""
    if kind != "jpg":
        return
    scans, whole = _walk(content)
    if not whole and content.endswith(_UNWRITTEN):
        raise ValueError("a JPEG whose end was never written")
    if scans * size[0] * size[1] > _SCANS_PIXELS:
        raise ValueError(f"a JPEG of {scans} scans")


def _walk(content: bytes) -> tuple[int, bool]:
    """The number of a JPEG's scans, and whether it has an end."""
    at, scans = 2, 0
    while (found := _MARKER.search(content, at)) is not None:
        at, code = found.end(), content[found.end() - 1]
        if code == _END:
            return scans, True
        if code in _ALONE:
            continue
        scans += code == _START_OF_SCAN
        at += int.from_bytes(content[at : at + 2])
    return scans, False
