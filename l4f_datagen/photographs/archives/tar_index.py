"""Finds the files in a tar archive by its headers. Any program may have written it, and it may be damaged."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

_BLOCK = 512
_REGULAR, _LINKS = (b"0", b"\0", b"7"), (b"1", b"2")
_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL = b"L", b"K", b"x", b"g"
_LARGEST = 1 << 50
_MOST_EXTENDED = 1 << 20
"""Bytes that a header's long name or extended values may have."""


class Entry(NamedTuple):
    """A member of an archive."""

    name: str
    """Bytes that are no UTF-8 are kept as surrogates, as the system's own names are."""
    offset: int
    """The byte at which its content begins."""
    size: int
    kind: str
    """ "file", "link" or "other"."""


class Readable(Protocol):
    """What is asked of a file, or of a stream that is read once."""

    def read(self, size: int, /) -> bytes:
        """At most as many bytes."""
        ...

    def tell(self) -> int:
        """Where it stands."""
        ...

    def seek(self, place: int, /) -> object:
        """Go on to a byte."""
        ...


class NoTar(ValueError):
    """What is read is no whole tar archive; says where and why."""


def entries(file: Readable) -> Iterator[Entry]:
    """The members of an archive in order; while one is looked at, ``file`` stands at its content.

    USTAR, GNU's long names and PAX are understood, other programs' headers too. ``file`` is only moved forward.

    Raises:
        NoTar: it is another kind of file, damaged, or cut short.
    """
    at, extended = 0, {}
    while True:
        block = _read(file, _BLOCK, at)
        if not block or not any(block):
            if not at and not block:
                raise NoTar("an empty file")
            return
        if len(block) < _BLOCK:
            raise NoTar(f"it ends at byte {at + len(block)}, within a header")
        name, size, kind = _header(block, at)
        at += _BLOCK
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL):
            if size > _MOST_EXTENDED:
                raise NoTar(f"a header of {size} bytes at byte {at}")
            content = _read(file, size, at)
            if kind == _LONG_NAME:
                extended["path"] = content.rstrip(b"\0")
            elif kind == _PAX:
                extended |= _pax(content)
        else:
            name = extended.get("path", name)
            size = _pax_size(extended, size, at)
            told = "file" if kind in _REGULAR else "link" if kind in _LINKS else "other"
            size = 0 if told == "link" else size
            yield Entry(name.decode("utf-8", "surrogateescape"), at, size, told)
            extended = {}
        end = at + size
        if file.tell() < end:
            # What is missing is noticed at the last byte.
            file.seek(end - 1)
            if not file.read(1):
                raise NoTar(f"it ends before byte {end}, within {name.decode('utf-8', 'replace')[:80]}")
        at = end + -size % _BLOCK
        file.seek(at)


def _read(file: Readable, size: int, at: int) -> bytes:
    try:
        return file.read(size)
    except (EOFError, ValueError) as error:
        raise NoTar(f"unreadable from byte {at} on ({error})") from error


def _header(block: bytes, at: int) -> tuple[bytes, int, bytes]:
    """Name, size and type."""
    stored = _number(block[148:156], at)
    rest = block[:148] + b" " * 8 + block[156:]
    # Old programs took bytes for signed numbers.
    if stored != sum(rest) and stored != sum(byte - 256 * (byte > 127) for byte in rest):
        raise NoTar(f"no header at byte {at}")
    name = block[:100].partition(b"\0")[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].partition(b"\0")[0]):
        name = prefix + b"/" + name
    return name, _number(block[124:136], at), block[156:157]


def _number(digits: bytes, at: int) -> int:
    if digits[0] & 0x80:  # GNU's way for what has too many digits; 0xff starts what is negative
        value = int.from_bytes(bytes([digits[0] & 0x7F]) + digits[1:])
        if digits[0] == 0xFF or value > _LARGEST:
            raise NoTar(f"no size in the header at byte {at}")
        return value
    text = digits.strip(b" \0")
    if not text:
        return 0
    if any(byte not in b"01234567" for byte in text):
        raise NoTar(f"no header at byte {at}")
    return int(text, 8)


def _pax(content: bytes) -> dict[str, bytes]:
    """Path and size of an extended header: records "LENGTH KEY=VALUE"."""
    found, at = {}, 0
    while at < len(content) and content[at : at + 1] != b"\0":
        length, _, record = content[at : at + 20].partition(b" ")
        if not (length.isdigit() and record) or not int(length) > len(length) + 1:
            raise NoTar("a damaged extended header")
        record = content[at + len(length) + 1 : at + int(length)]
        key, _, value = record.rstrip(b"\n").partition(b"=")
        if key in (b"path", b"size"):
            found[key.decode()] = value
        at += int(length)
    return found


def _pax_size(extended: dict[str, bytes], size: int, at: int) -> int:
    text = extended.get("size")
    if text is None:
        return size
    if not text.isdigit() or len(text) > 18 or int(text) > _LARGEST:
        raise NoTar(f"no size in the header at byte {at}")
    return int(text)
