"""Opens a file and tells by its content what it is: takes wrappers off, then reads the container; runs none of it."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ...devices import too_little_memory
from ...errors import UserError
from ...short import short
from ..pickle import pickles
from ..pickle.allowed import allow_list
from ..pickle.machine import Allowance, Damaged, Forbidden
from . import members, safetensors_file, torch_file

_HEAD = 1 << 12
"""Bytes that are looked at to tell what a file is."""
_MAX_WRAPPERS = 2
_MAX_EXPANSION, _EXPANSION_FLOOR = 8, 64 << 20
"""How many times its size a file may unpack to, and the bytes that any file may unpack to."""
_CHUNK = 1 << 20
"""Bytes that are read or unpacked at once."""
_ZIP = b"PK\x03\x04"
_TEXT_PICKLE = re.compile(rb"c[\w.]+\n[\w.]+\n|\((?:[dlt]|[ic][\w.]+\n|S['\"]|[ILF]-?\d|V|N)")
_BINARY_PICKLE = re.compile(rb"[(}\]c]")
BROKEN = (Damaged, Forbidden, EOFError, OSError, struct.error, zipfile.BadZipFile, zlib.error)
"""Errors that reading the bytes of a file may raise."""
DAMAGE = (*BROKEN, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""These, and those that interpreting the bytes may raise."""


@dataclass(frozen=True)
class Content:
    """What a file holds, in inert values."""

    data: object
    """Plain containers, with ``StoredTensor``, ``StoredArray`` and ``Record`` in them."""
    container: str
    """How it is stored, for people: "pickle", "torch file (zip)", …"""


@dataclass(frozen=True)
class _Given:
    """What is known of a file before it is opened."""

    name: str
    size: int
    """Bytes on the disk."""
    records: frozenset[str]
    expected: str


@contextmanager
def opened(
    path: Path, name: str, *, records: Collection[str] = (), expected: str = "a checkpoint"
) -> Iterator[Content]:
    """The content of a file; its tensors can be loaded as long as the context lasts.

    An error that is raised inside the context while they are loaded becomes a UserError about this file, too.

    Args:
        name: the file as the user called it, for messages.
        records: classes ("module.Name") whose instances it may hold; each becomes an inert ``Record`` of its arguments
            and its state.
        expected: what such a file should be, for messages.

    Raises:
        UserError: it is no checkpoint, is damaged, or asks for what a checkpoint has no use for.
    """
    with translated(name):
        if not path.is_file():
            got = "a folder" if path.is_dir() else "no regular file (a device, a pipe)"
            raise UserError(name, got=got, expected=expected, remedy="choose a file")
        with path.open("rb") as file:
            size = path.stat().st_size
            yield _content(file, _Given(name, size, frozenset(records), expected), size, ())


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turns an error that the content of a file causes into one UserError about that file."""
    try:
        yield
    except Forbidden as error:
        raise UserError(
            name, got=f"a file that asks for {reason(error)}", expected="tensors and plain containers",
            remedy="nothing of it was run; do not load it with other tools unless you trust its source",
        ) from error  # fmt: skip
    except DAMAGE as error:
        if too_little_memory(error):
            raise  # about the machine, not about the file
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise UserError(name, got=error.strerror, expected="a file that can be read", remedy="check it") from error
        raise UserError(
            name, got=f"a damaged or truncated file ({reason(error)})", expected="a complete one",
            remedy="download or copy it again and compare its size",
        ) from error  # fmt: skip


def describe(head: bytes) -> str:
    """What a file that is no checkpoint seems to be, from its first bytes; ends the phrase "got …"."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return "an empty file"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer instead of the file that it stands for (git lfs pull gets it)"
    if text[:1] == b"<":
        return "a web page (HTML or XML), probably a failed download"
    if head[:2] == b"PK":
        return "a zip archive that is truncated or damaged"
    if _is_onnx(head):
        return "an ONNX model"
    if head[:4] == b"\x89HDF":
        return "an HDF5 file (Keras, say)"
    if head[:8] == b"\x89PNG\r\n\x1a\n" or head[:3] == b"\xff\xd8\xff":
        return "an image"
    if not head.strip(b"\0"):
        return "a file of zeros, probably an unfinished download"
    if _is_text(head):
        begins = short(text[:40].decode("utf-8", "replace"), 40, quotes=True)
        return f"a text file that begins with {begins}, perhaps a failed download"
    return "no checkpoint of a known kind"


def is_program(path: Path, name: str) -> bool:
    """Whether a file is a TorchScript program.

    Raises:
        UserError: it looks like one and is damaged.
    """
    if not path.is_file():
        return False
    with translated(name), path.open("rb") as file:
        if file.read(4) != _ZIP or not zipfile.is_zipfile(file):
            return False
        return torch_file.is_program(zipfile.ZipFile(file))


def _content(file: BinaryIO, given: _Given, size: int, wrappers: tuple[str, ...]) -> Content:
    """The content of ``size`` bytes: those of the given file, or those that its ``wrappers`` held."""
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    inside = _inside(wrappers)
    allowance = Allowance(bytes=4 * size + _CHUNK, records=given.records)
    if head[:2] == b"\x1f\x8b":
        return _unwrapped(_gunzip(file, given.size), given, (*wrappers, "gzip"))
    if head[:4] == _ZIP and zipfile.is_zipfile(file):
        return _archived(file, given, size, wrappers)
    if head[:1] == b"\x80" and torch_file.LEGACY_START in head[:32]:
        return Content(torch_file.load_legacy(_bytes(file), allowance), f"torch file (legacy){inside}")
    # A header's length may look like the beginning of a pickle.
    named = safetensors_file.is_one(head)
    if _is_pickle(head) and not named:
        allowed = allow_list(allowance, partial(torch_file.storage_from_bytes, allowance))
        return Content(pickles.load(_bytes(file), allowed=allowed, allowance=allowance)[0], f"pickle{inside}")
    if named:
        return Content(safetensors_file.load(file, size).tensors, f"safetensors{inside}")
    raise UserError(
        given.name, got=describe(head), expected=given.expected, remedy="download it again or choose another file"
    )


def _archived(file: BinaryIO, given: _Given, size: int, wrappers: tuple[str, ...]) -> Content:
    """The content of a zip archive: torch's own, or one that a single file was packed into."""
    archive = zipfile.ZipFile(file)
    unpacked = members.check(archive, size)
    _check_expansion(unpacked, given.size)
    if torch_file.is_program(archive):
        raise UserError(
            given.name,
            got="a TorchScript program (torch.jit)",
            expected=given.expected,
            remedy="choose the checkpoint it came from",
        )
    if torch_file.archive_prefix(archive) is None:
        return _unwrapped(_only_member(archive, given.name), given, (*wrappers, "zip"))
    allowance = Allowance(bytes=4 * max(size, unpacked) + _CHUNK, records=given.records)
    return Content(torch_file.load_archive(file, archive, allowance), f"torch file (zip){_inside(wrappers)}")


def _inside(wrappers: tuple[str, ...]) -> str:
    """ " in zip in gzip": what a container lay in, the nearest wrapper first."""
    return "".join(f" in {wrapper}" for wrapper in reversed(wrappers))


def _unwrapped(data: bytes | bytearray, given: _Given, wrappers: tuple[str, ...]) -> Content:
    if len(wrappers) > _MAX_WRAPPERS:
        raise UserError(
            given.name,
            got=f"more than {_MAX_WRAPPERS} wrappers around each other",
            expected="a checkpoint, perhaps in .gz or .zip",
            remedy="unpack it first",
        )
    return _content(io.BytesIO(data), given, len(data), wrappers)


def _bytes(file: BinaryIO) -> memoryview:
    """All of a file, held in memory once: parts of it are views, no copies."""
    return memoryview(file.getvalue() if isinstance(file, io.BytesIO) else file.read())


def _gunzip(file: BinaryIO, given: int) -> bytes:
    """Unpack in small steps, so that a bomb is stopped at the limit, whatever it is wrapped in."""
    unpacked, machine = bytearray(), zlib.decompressobj(wbits=31)
    while not machine.eof:
        packed = machine.unconsumed_tail or file.read(_CHUNK)
        if not packed:
            raise Damaged("the gzip stream ends too early")
        unpacked += machine.decompress(packed, _CHUNK)
        _check_expansion(len(unpacked), given)
    return bytes(unpacked)


def _only_member(archive: zipfile.ZipFile, name: str) -> bytearray:
    """The one file of a zip archive. It is read into memory; its name is never used as a path."""
    files = [info for info in archive.infolist() if not info.is_dir() and not _is_litter(info.filename)]
    if len(files) != 1:
        names = ", ".join(short(info.filename, 40) for info in files[:6])
        raise UserError(
            name, got=f"a zip archive of {len(files)} files ({names}{', …' if len(files) > 6 else ''})",
            expected="one with a single checkpoint", remedy="unpack it and name the file inside",
        )  # fmt: skip
    if files[0].flag_bits & 1:
        raise UserError(
            name, got="an encrypted zip archive", expected="one that opens without a password", remedy="unpack it first"
        )
    return members.read(archive, files[0])


def _is_litter(name: str) -> bool:
    """Whether a member is what macOS puts beside files, or hidden."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith(".")


def _check_expansion(unpacked: int, packed: int) -> None:
    # Compressors find little to save in weights: a file that grows to many times its size is no checkpoint.
    if unpacked > max(_EXPANSION_FLOOR, _MAX_EXPANSION * packed):
        raise Forbidden(f"more than {_MAX_EXPANSION} times its {packed} bytes when it is unpacked")


def _is_pickle(head: bytes) -> bool:
    if head[:1] == b"\x80":
        return len(head) > 1 and head[1] <= 5
    # Protocols 0 and 1 have no signature; 0 is text.
    return (_TEXT_PICKLE if _is_text(head) else _BINARY_PICKLE).match(head) is not None


def _is_onnx(head: bytes) -> bool:
    """Whether a file begins as ONNX models do: field 1 (the format's version), then 2 (what wrote it), 7 or 8."""
    return head[:1] == b"\x08" and head[1:2] < b"\x80" and head[2:3] in (b"\x12", b"\x3a", b"\x42")


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n\f\x1b" for byte in head[:512])


def reason(error: BaseException) -> str:
    """An error's message, short and printable, since parts of it may come from the file."""
    return short(error, 160)
