"""Images of labelled samples, with the file where that can be stored as it is."""

import logging
from pathlib import Path

from ..photographs.picture.decoding import decode
from ..photographs.source import Notices
from .sample import Picture, broken

logger = logging.getLogger(__name__)

STORED = ("jpg", "png", "webp")
"""Formats in which data sets hold images."""
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"


def picture_of(content: bytes | Path, where: str, notices: Notices) -> Picture:
    """A decoded image.

    Args:
        content: its file, or where that is.
        where: what errors call it.
        notices: take what it does not show of its file, which is told once.

    Raises:
        UserError: it cannot be read.
    """
    try:
        found = decode(content)
        notices.note(found)
        for notice in notices.new():
            logger.warning("%s", notice)
        head, stored = found.head, None
        changed = head.turned or head.several or head.deep or found.transparent
        if head.format in STORED and head.mode == "RGB" and not changed:
            stored = content.read_bytes() if isinstance(content, Path) else content
            stored = stored if _ends_well(stored) else None
        return Picture(image=found.image, format=found.format, content=stored)
    except (OSError, ValueError) as error:
        raise broken(where, error) from error


def _ends_well(content: bytes) -> bool:
    """Whether a file ends with its image: some cameras go on with something of their own."""
    if content[:4] == b"RIFF":
        return len(content) == 8 + int.from_bytes(content[4:8], "little")
    return content.endswith((_JPEG_END, _PNG_END))
