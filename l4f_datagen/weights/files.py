"""Opening a file and telling by its content what it is: wrappers off, then the container; nothing of it is run."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..errors import UserError
from . import pickles, torch_file
from .allowed import allow_list
from .known import printable
from .machine import Allowance, Damaged, Forbidden

EXPECTED = "a StyleGAN2 or alpha checkpoint: a native folder, NVIDIA's .pkl, rosinality's or Labels4Free's .pt"
_HEAD = 1 << 12
_MAX_WRAPPERS = 2
_EXPANSION_FLOOR = 64 << 20
_MAX_EXPANSION = 8
_CHUNK = 1 << 20
_TEXT_PICKLE = re.compile(rb"c[\w.]+\n[\w.]+\n|\((?:[dlt]|[ic][\w.]+\n|S['\"]|[ILF]-?\d|V|N)")
_BINARY_PICKLE = re.compile(rb"[(}\]c]")
BROKEN = (Damaged, Forbidden, EOFError, OSError, zipfile.BadZipFile, zlib.error)
"""What reading the bytes of a file may raise."""
DAMAGE = (*BROKEN, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What else making sense of them may raise."""


@dataclass(frozen=True)
class Content:
    """What a file holds, in inert values."""

    data: object
    """Plain containers, with ``StoredTensor``, ``StoredArray`` and ``Record`` in them."""
    container: str
    """How it is stored, for people: "pickle", "torch file (zip)", …"""


@contextmanager
def opened(path: Path, name: str) -> Iterator[Content]:
    """The content of a file; its tensors can be loaded as long as the context lasts.

    What goes wrong inside the context while they are loaded becomes a UserError of this file too.

    Args:
        name: the file as the user called it, for messages.

    Raises:
        UserError: no checkpoint, a damaged one, or one that asks for what a checkpoint has no use for.
    """
    with translated(name):
        if not path.is_file():
            raise UserError(
                name, got="no regular file (a device, a pipe)", expected=EXPECTED, remedy="choose another file"
            )
        with path.open("rb") as file:
            yield _content(file, path.stat().st_size, (), name)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Errors of a file's content → one UserError about that file."""
    try:
        yield
    except Forbidden as error:
        raise UserError(
            name, got=f"a file that asks for {reason(error)}", expected="tensors and plain containers",
            remedy="nothing of it was run; do not load it with other tools unless you trust its source",
        ) from error  # fmt: skip
    except DAMAGE as error:
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
    if head[8:10] == b'{"' and not _is_text(head):
        return "a lone safetensors file (a native checkpoint is named by its folder)"
    if head[:4] == b"\x89HDF":
        return "an HDF5 file (Keras, say)"
    if head[:8] == b"\x89PNG\r\n\x1a\n" or head[:3] == b"\xff\xd8\xff":
        return "an image"
    if not head.strip(b"\0"):
        return "a file of zeros, probably an unfinished download"
    if _is_text(head):
        begins = printable(text[:40].decode("utf-8", "replace"))
        return f"a text file that begins with {begins!r}, perhaps a failed download"
    return "no checkpoint of a known kind"


def _content(file: BinaryIO, size: int, wrappers: tuple[str, ...], name: str) -> Content:
    head = file.read(_HEAD)
    file.seek(0)
    inside = f" in {' in '.join(reversed(wrappers))}" if wrappers else ""
    allowance = Allowance(bytes=4 * size + _CHUNK)
    if head[:2] == b"\x1f\x8b":
        return _unwrapped(_gunzip(file, size), (*wrappers, "gzip"), name)
    if head[:4] == b"PK\x03\x04" and zipfile.is_zipfile(file):
        archive = zipfile.ZipFile(file)
        _check_archive(archive, size)
        if torch_file.is_program(archive):
            raise UserError(
                name,
                got="a TorchScript program (torch.jit)",
                expected=EXPECTED,
                remedy="choose the checkpoint it came from",
            )
        if torch_file.archive_prefix(archive) is None:
            return _unwrapped(_only_member(archive, name), (*wrappers, "zip"), name)
        return Content(torch_file.load_archive(file, archive, allowance), f"torch file (zip){inside}")
    if head[:1] == b"\x80" and torch_file.LEGACY_START in head[:32]:
        return Content(torch_file.load_legacy(_bytes(file), allowance), f"torch file (legacy){inside}")
    if _is_pickle(head):
        allowed = allow_list(allowance, partial(torch_file.storage_from_bytes, allowance))
        return Content(pickles.load(_bytes(file), allowed=allowed, allowance=allowance)[0], f"pickle{inside}")
    raise UserError(name, got=describe(head), expected=EXPECTED, remedy="download it again or choose another file")


def _unwrapped(data: bytes, wrappers: tuple[str, ...], name: str) -> Content:
    if len(wrappers) > _MAX_WRAPPERS:
        raise UserError(
            name,
            got=f"more than {_MAX_WRAPPERS} wrappers around each other",
            expected="a checkpoint, perhaps in .gz or .zip",
            remedy="unpack it first",
        )
    return _content(io.BytesIO(data), len(data), wrappers, name)


def _bytes(file: BinaryIO) -> memoryview:
    """All of a file, once in memory: what is cut out of it later are views."""
    return memoryview(file.getvalue() if isinstance(file, io.BytesIO) else file.read())


def _gunzip(file: BinaryIO, size: int) -> bytes:
    """Unpack in small steps, so that a bomb is met at its limit."""
    unpacked, machine = bytearray(), zlib.decompressobj(wbits=31)
    while not machine.eof:
        packed = machine.unconsumed_tail or file.read(_CHUNK)
        if not packed:
            raise Damaged("the gzip stream ends too early")
        unpacked += machine.decompress(packed, _CHUNK)
        _check_expansion(len(unpacked), size)
    return bytes(unpacked)


def _only_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The one file of a zip archive. It is read into memory, so its name can lead nowhere."""
    members = [info for info in archive.infolist() if not info.is_dir() and not _is_litter(info.filename)]
    if len(members) != 1:
        names = ", ".join(info.filename[:40] for info in members[:6])
        raise UserError(
            name, got=f"a zip archive of {len(members)} files ({printable(names)}{', …' if len(members) > 6 else ''})",
            expected="one with a single checkpoint", remedy="unpack it and name the file inside",
        )  # fmt: skip
    if members[0].flag_bits & 1:
        raise UserError(
            name, got="an encrypted zip archive", expected="one that opens without a password", remedy="unpack it first"
        )
    return archive.read(members[0])


def _is_litter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith(".")


def _check_archive(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse what would unpack to too much, or with tables as large as its header likes."""
    members = archive.infolist()
    _check_expansion(sum(info.file_size for info in members), size)
    for info in members:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Forbidden("a compression other than deflate")


def _check_expansion(unpacked: int, packed: int) -> None:
    # Weights are noise to a compressor: what grows to many times its size is no checkpoint.
    if unpacked > max(_EXPANSION_FLOOR, _MAX_EXPANSION * packed):
        raise Forbidden(f"more than {_MAX_EXPANSION} times its {packed} bytes when it is unpacked")


def _is_pickle(head: bytes) -> bool:
    if head[:1] == b"\x80":
        return len(head) > 1 and head[1] <= 5
    # Protocols 0 and 1 begin with no mark of their own; 0 is text.
    return (_TEXT_PICKLE if _is_text(head) else _BINARY_PICKLE).match(head) is not None


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n\f\x1b" for byte in head[:512])


def reason(error: BaseException) -> str:
    """What an error says, short and printable: parts of it may come from the file."""
    return printable(error) or type(error).__name__
