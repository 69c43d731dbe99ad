"""Plain USTAR archives, read member by member; ``tar`` writes them.

A library's reader makes an object of twenty fields for every member, which takes as long as decoding a
small image.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

from ...short import short
from .tar import BLOCK, end_length, header

_PIECE = 1 << 20
MOST_BYTES = 512 << 20
"""The most bytes of a member. No image of a data set is that long, but a damaged header may claim it."""
_OCTAL = frozenset(b"01234567")
_NAME, _SIZE, _CHECKSUM, _TYPE, _MAGIC, _PREFIX = (
    slice(0, 100), slice(124, 136), slice(148, 156), slice(156, 157), slice(257, 262), slice(345, 500),
)  # fmt: skip
# What all headers of our own have in common, and what it adds to their checksums.
_OURS = bytes(header("", 0))
_MIDDLE, _REST = slice(100, 124), slice(156, 512)
_COMMON_SUM = sum(_OURS[:124]) + 8 * ord(" ") + sum(_OURS[136:148]) + sum(_OURS[156:])


class Member(NamedTuple):
    """A file in an archive."""

    name: str
    offset: int
    """Where the content begins in the archive, in bytes."""
    content: bytes


class NotPlainTar(ValueError):
    """A file is no whole USTAR archive of regular files. Says where and why."""


class ByteSource(Protocol):
    """What an archive is read from, front to back."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, ``size`` of them unless the end is near."""
        ...


def members(file: ByteSource, *, start: int = 0, strict: bool = False) -> Iterator[Member]:
    """The members of an archive, from the one whose header is at byte ``start``, where ``file`` stands, to its end.

    Args:
        strict: refuse every byte that is not as ``tar.TarWriter`` writes it, to the end of the file.

    Raises:
        NotPlainTar: it is another kind of archive, damaged, or cut short.
    """
    offset = start
    while True:
        block = _read(file, BLOCK, offset, "a header or the end")
        if not block[0]:
            break
        name, size = _entry(block, offset)
        if strict and not _is_ours(block, name, size):
            raise NotPlainTar(f"the header of {short(name)} at byte {offset} is not as it was written")
        offset += BLOCK
        content = _read(file, size, offset, name)
        if padding := -size % BLOCK:
            empty = _read(file, padding, offset + size, f"the padding of {name}")
            if strict and any(empty):
                raise NotPlainTar(f"the padding of {short(name)} after byte {offset + size} is not empty")
        yield Member(name, offset, content)
        offset += size + padding
    if strict:
        _check_end(file, block, offset)
    elif any(block):
        raise NotPlainTar(f"byte {offset} is neither a header nor the end")


def places(file: BinaryIO) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of every member's content; the contents are passed over.

    Raises:
        NotPlainTar: as ``members``, and where the last one goes beyond the end.
    """
    end = file.seek(0, 2)
    offset = file.seek(0)
    while True:
        block = _read(file, BLOCK, offset, "a header or the end")
        if not block[0]:
            break
        name, size = _entry(block, offset)
        offset += BLOCK
        if offset + size > end:
            raise NotPlainTar(f"it ends at byte {end}, within {short(name)}")
        yield name, offset, size
        offset = file.seek(offset + size + -size % BLOCK)
    if any(block):
        raise NotPlainTar(f"byte {offset} is neither a header nor the end")


def first_name(block: bytes) -> str:
    """The name of the member whose header an archive begins with.

    Raises:
        NotPlainTar: it begins with something else.
    """
    if len(block) < BLOCK or not block[0]:
        raise NotPlainTar("it begins with no header")
    return _entry(block, 0)[0]


def _read(file: ByteSource, size: int, offset: int, what: str) -> bytes:
    # In pieces where it is long: a file that says more than it has would be given all the memory first.
    content = file.read(size) if size <= _PIECE else b"".join(_pieces(file, size))
    if len(content) < size:
        raise NotPlainTar(f"it ends at byte {offset + len(content)}, within {short(what)}")
    return content


def _pieces(file: ByteSource, size: int) -> Iterator[bytes]:
    while size > 0 and (piece := file.read(min(size, _PIECE))):
        yield piece
        size -= len(piece)


def _is_ours(block: bytes, name: str, size: int) -> bool:
    try:
        return block == header(name, size)
    except ValueError:  # a name that is longer than any of ours
        return False


def _entry(block: bytes, offset: int) -> tuple[str, int]:
    """Name and size of a member from its header. Headers as our own writer makes them are read the quick way."""
    digits = block[124:135]
    if block[_MIDDLE] == _OURS[_MIDDLE] and block[_REST] == _OURS[_REST] and block[135:148] == _OURS[135:148]:
        name = block[_NAME].rstrip(b"\0")
        expected = b"%06o\0 " % (_COMMON_SUM + sum(name) + sum(digits))
        if block[_CHECKSUM] == expected and _OCTAL.issuperset(digits):
            return name.decode(errors="replace"), _checked(int(digits, 8), offset)
    return _foreign_entry(block, offset)


def _foreign_entry(block: bytes, offset: int) -> tuple[str, int]:
    """As ``_entry``, for a header that another program wrote."""
    try:
        checksum = int(block[_CHECKSUM].strip(b" \0") or b"x", 8)
        size = int(block[_SIZE].strip(b" \0") or b"0", 8)
    except ValueError:
        raise NotPlainTar(f"the header at byte {offset} is damaged") from None
    if checksum != sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" "):
        raise NotPlainTar(f"the header at byte {offset} is damaged (its checksum does not hold)")
    if block[_MAGIC] != b"ustar" or block[_TYPE] not in (b"0", b"\0"):
        kind = short(block[_TYPE].decode(errors="replace"), quotes=True)
        raise NotPlainTar(
            f"the header at byte {offset} is of type {kind}; only regular files of USTAR archives are read"
        )
    name, prefix = (block[part].partition(b"\0")[0].decode(errors="replace") for part in (_NAME, _PREFIX))
    return f"{prefix}/{name}" if prefix else name, _checked(size, offset)


def _checked(size: int, offset: int) -> int:
    if not 0 <= size <= MOST_BYTES:
        raise NotPlainTar(f"the header at byte {offset} tells of {size} bytes")
    return size


def _check_end(file: ByteSource, block: bytes, offset: int) -> None:
    """Refuse anything but zeros after the last member, and any other number of them than our writer writes."""
    length = 0
    while block:
        if any(block):
            raise NotPlainTar(f"bytes after the end, beyond byte {offset + length}")
        length += len(block)
        block = file.read(_PIECE)
    if length != end_length(offset):
        raise NotPlainTar(f"{length} zero bytes at the end; {end_length(offset)} were written")
