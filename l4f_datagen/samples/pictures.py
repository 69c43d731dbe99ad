"""Images of labelled samples, with the file where that can be stored as it is."""

from pathlib import Path

from ..photographs.decoding import decode
from .sample import Picture, broken

STORED = ("jpg", "png", "webp")
"""Formats in which data sets hold images."""
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"


def picture_of(content: bytes | Path, where: str) -> Picture:
    """A decoded image.

    Args:
        content: its file, or where that is.
        where: what errors call it.

    Raises:
        UserError: it cannot be read.
    """
    try:
        found = decode(content)
        head, stored = found.head, None
        if head.format in STORED and head.mode == "RGB" and not (head.turned or head.several or found.transparent):
            stored = content.read_bytes() if isinstance(content, Path) else content
            stored = stored if _ends_well(stored) else None
        return Picture(image=found.image, format=found.format, content=stored, transparent=found.transparent)
    except (OSError, ValueError) as error:
        raise broken(where, error) from error


def _ends_well(content: bytes) -> bool:
    """Whether a file ends with its image: some cameras go on with something of their own."""
    if content[:4] == b"RIFF":
        return len(content) == 8 + int.from_bytes(content[4:8], "little")
    return content.endswith((_JPEG_END, _PNG_END))
