"""Reads members of a zip archive within bounds, since their headers may claim anything."""

import zipfile
from typing import BinaryIO

from ..pickle.machine import Allowance, Damaged, Forbidden
from ..pickle.tensors import Fetch

_LOCAL_HEADER = 30
"""Bytes of a member's own header before its name."""
_CHUNK = 1 << 20


def check(archive: zipfile.ZipFile, size: int) -> int:
    """Refuse an archive whose table of members contradicts itself, or uses what no checkpoint needs.

    Args:
        size: bytes of the archive.

    Returns:
        How many bytes all members have together when they are unpacked.

    Raises:
        Damaged, Forbidden: it is refused.
    """
    members = archive.infolist()
    for info in members:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Forbidden("a compression other than deflate")
        if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
            raise Damaged("a zip archive with a member of two sizes")
        if info.header_offset < 0:
            raise Damaged("a zip archive with a member before its beginning")
    if sum(info.compress_size for info in members) > size:
        raise Forbidden("more members than fit in its zip archive (they overlap)")
    return sum(info.file_size for info in members)


def read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytearray:
    """All of a member, its checksum verified. It never unpacks to more bytes than its header says.

    Raises:
        BadZipFile, Damaged: it is not what its header says.
    """
    found = bytearray()
    # Step by step: if it is asked for everything at once, zipfile unpacks more than the header says and then cuts it.
    with archive.open(info) as member:
        while part := member.read(_CHUNK):
            found += part
    if len(found) != info.file_size:
        raise Damaged(f"a member of {len(found)} bytes that claims {info.file_size}")
    return found


def fetcher(file: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> Fetch:
    """A function that gives some bytes of a member. A compressed member is unpacked as a whole, once, and kept."""
    if info.compress_type == zipfile.ZIP_STORED:
        return lambda first, last: _fetch_stored(file, archive, info, first, last)
    return _Unpacked(archive, info, allowance)


def _fetch_stored(
    file: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo, start: int, stop: int
) -> bytes | bytearray:
    if (start, stop) == (0, info.file_size):
        return read(archive, info)
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    file.seek(info.header_offset + _LOCAL_HEADER + lengths + start)
    return file.read(stop - start)


class _Unpacked:
    """A compressed member, unpacked when it is first asked for; many tensors may lie in it."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> None:
        self.archive, self.info, self.allowance = archive, info, allowance
        self.data: memoryview | None = None

    def __call__(self, start: int, stop: int) -> memoryview:
        if self.data is None:
            self.allowance.spend(self.info.file_size)
            self.data = memoryview(read(self.archive, self.info))
        return self.data[start:stop]
