"""torch's own files, today's zip archives and the older rows of pickles, read by our pickle machine."""

import zipfile
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from ...short import short
from ..pickle import pickles
from ..pickle.allowed import allow_list, number_type
from ..pickle.machine import Allowance, Damaged, Forbidden, StandIn
from ..pickle.tensors import Storage
from . import members

_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_START = _MAGIC.to_bytes(10, "little")
"""Bytes near the beginning of every older file."""
_PROTOCOL = 1001
_MAX_PICKLE = 64 << 20


def archive_prefix(archive: zipfile.ZipFile) -> str | None:
    """The folder inside a zip archive that torch wrote its parts to; None if torch did not write it."""
    names = set(archive.namelist())
    found = [
        name.removesuffix("data.pkl") for name in names if name.count("/") <= 1 and name.split("/")[-1] == "data.pkl"
    ]
    return found[0] if len(found) == 1 and f"{found[0]}version" in names else None


def is_program(archive: zipfile.ZipFile) -> bool:
    """Whether a zip archive was written by torch and holds code, as TorchScript programs do."""
    prefix = archive_prefix(archive)
    return prefix is not None and any(name.startswith(f"{prefix}code/") for name in archive.namelist())


def load_archive(file: BinaryIO, archive: zipfile.ZipFile, allowance: Allowance) -> object:
    """What a zip archive of torch holds; its tensors are read later, from ``file``.

    Raises:
        Damaged, Forbidden: as ``pickles.load``.
    """
    prefix = archive_prefix(archive)
    parts = {info.filename: info for info in archive.infolist()}
    order = parts.get(f"{prefix}byteorder")
    if order is not None and (order.file_size > 16 or members.read(archive, order) != b"little"):
        raise Forbidden("numbers in big-endian order")
    storages: dict[str, Storage] = {}

    def persistent(identity: object) -> Storage:
        kind, name, count = _storage_identity(identity, 5)
        if name not in storages:
            info = parts.get(f"{prefix}data/{name}")
            storage = Storage(number_type(kind), count)
            if info is None or info.file_size < storage.nbytes:
                raise Damaged(f"a storage {short(name)} that is missing or too short")
            storage.fetch = members.fetcher(file, archive, info, allowance)
            storages[name] = storage
        return storages[name]

    pickled = parts[f"{prefix}data.pkl"]
    if pickled.file_size > _MAX_PICKLE:
        raise Forbidden(f"a pickle of {pickled.file_size} bytes beside its tensors")
    allowed = allow_list(allowance, partial(storage_from_bytes, allowance))
    data = memoryview(members.read(archive, pickled))
    return pickles.load(data, allowed=allowed, allowance=allowance, persistent=persistent)[0]


def load_legacy(data: memoryview, allowance: Allowance, load_from_bytes: Callable | None = None) -> object:
    """What an older torch file holds: magic number, version, system, value, names of storages, storages.

    Raises:
        Damaged, Forbidden: as ``pickles.load``.
    """
    storages: dict[str, Storage] = {}

    def persistent(identity: object) -> Storage:
        kind, name, count = _storage_identity(identity, 6)
        if name not in storages:
            storages[name] = Storage(number_type(kind), count)
        return storages[name]

    allowed = allow_list(allowance, load_from_bytes or partial(storage_from_bytes, allowance))
    values = []
    for with_storages in (False, False, False, True, False):
        value, end = pickles.load(
            data, allowed=allowed, allowance=allowance, persistent=persistent if with_storages else None
        )
        values.append(value)
        data = data[end:]
    magic, version, system, content, names = values
    if (
        type(magic) is not int
        or magic != _MAGIC
        or type(version) is not int
        or version != _PROTOCOL
        or not isinstance(system, dict)
    ):
        raise Damaged("another kind of torch file")
    if system.get("little_endian") is not True:
        raise Forbidden("numbers in big-endian order")
    _place(data, names, storages)
    return content


def storage_from_bytes(allowance: Allowance, data: object) -> Storage:
    """The answer to ``torch.storage._load_from_bytes``: one storage, which comes as a complete older file."""
    if not isinstance(data, (bytes, memoryview)):
        raise Damaged("a storage without bytes")
    storage = load_legacy(memoryview(data), allowance, _no_bytes_inside)
    if not isinstance(storage, Storage):
        raise Damaged("something else where a storage belongs")
    return storage


def _no_bytes_inside(*_: object) -> Storage:
    raise Forbidden("a storage inside a storage")


def _storage_identity(identity: object, length: int) -> tuple[StandIn, str, int]:
    """Class, name and count of ('storage', class, name, device, count), which ends with a view in older files."""
    if not isinstance(identity, tuple) or len(identity) != length or identity[0] != "storage":
        raise Forbidden("a persistent id that is no storage")
    if length == 6 and identity[5] is not None:
        raise Forbidden("a view of a storage (torch before 0.4)")
    _, kind, name, _, count = identity[:5]
    if not isinstance(name, str):
        raise Damaged("a storage without a name")
    return kind, name, count


def _place(data: memoryview, names: object, storages: dict[str, Storage]) -> None:
    """Tell the storages of an older file where their bytes are: for each in turn a count, then its numbers."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) != len(set(names)):
        raise Damaged("an older torch file without its list of storages")
    for name in names:
        if name not in storages:
            raise Damaged("an older torch file with a storage that nothing uses")
        storage = storages[name]
        if len(data) < 8 + storage.nbytes or int.from_bytes(data[:8], "little") != storage.numel:
            raise Damaged("a storage that is not complete")
        body, data = data[8 : 8 + storage.nbytes], data[8 + storage.nbytes :]
        storage.fetch = partial(_slice, body)


def _slice(data: memoryview, start: int, stop: int) -> memoryview:
    return data[start:stop]
