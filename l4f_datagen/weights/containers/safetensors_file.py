"""safetensors files: their header is checked before it is used, their tensors are read on demand."""

from collections.abc import Mapping
from functools import partial
from typing import BinaryIO, NamedTuple

import torch

from ... import documents
from ...short import short
from ..pickle.machine import Allowance, Damaged, Forbidden
from ..pickle.tensors import MAX_DIMENSIONS, Storage, StoredTensor

NUMBER_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}
"""How a header names the types of numbers."""
_MAX_HEADER = 8 << 20
"""Bytes; that of the largest published generator is 20 000 long."""
_MAX_TENSORS = 20_000
_LENGTH = 8
"""Bytes at the beginning of a file that say how long its header is."""
_METADATA = "__metadata__"
_ENTRIES = {"dtype", "shape", "data_offsets"}


class Opened(NamedTuple):
    """What a file holds; its tensors can be loaded as long as the file is open."""

    tensors: dict[str, StoredTensor]
    metadata: dict[str, str]


def is_one(head: bytes) -> bool:
    """Whether a file that begins so may be a safetensors file: the length of a header, then its JSON."""
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:_LENGTH], "little") < 1 << 48


def load(file: BinaryIO, size: int) -> Opened:
    """What an open file of ``size`` bytes holds.

    Raises:
        Damaged: it is not whole, or its header contradicts itself.
        Forbidden: it holds what no checkpoint needs.
    """
    file.seek(0)
    length = int.from_bytes(file.read(_LENGTH), "little")
    if length > size - _LENGTH:
        raise Damaged(f"a safetensors header of {length} bytes in a file of {size}")
    if length > _MAX_HEADER:
        raise Forbidden(f"a safetensors header of {length} bytes")
    header = _parsed(file.read(length))
    metadata = header.pop(_METADATA, None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise Damaged("metadata that is no text")
    if len(header) > _MAX_TENSORS:
        raise Forbidden(f"{len(header)} tensors")
    body, allowance = _LENGTH + length, Allowance(bytes=2 * size)
    tensors = {name: _tensor(file, name, entry, body, size - body, allowance) for name, entry in header.items()}
    _check_order(header, size - body)
    return Opened(tensors, metadata)


def _parsed(content: bytes) -> dict:
    try:
        return documents.read_json(content, "the header", kind=dict, most=_MAX_HEADER)
    except documents.Unreadable as error:
        raise Damaged(f"a safetensors header that is {error.got}") from error


def _tensor(file: BinaryIO, name: str, entry: object, body: int, room: int, allowance: Allowance) -> StoredTensor:
    if not isinstance(entry, dict) or entry.keys() != _ENTRIES:
        raise Damaged(f"a header whose entry {short(name)} is of an unknown form")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in NUMBER_TYPES:
        raise Forbidden(f"numbers of the type {short(kind)} (tensor {short(name)})")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise Damaged(f"a header whose entry {short(name)} holds other sizes than whole numbers")
    if len(shape) > MAX_DIMENSIONS:
        raise Forbidden(f"a tensor of {len(shape)} dimensions ({short(name)})")
    numel = 1
    for count in shape:
        numel *= count
    begin, end = offsets
    storage = Storage(NUMBER_TYPES[kind], numel)
    if not 0 <= begin <= end <= room or end - begin != storage.nbytes:
        raise Damaged(f"a tensor {short(name)} of {storage.nbytes} bytes from byte {begin} to {end} of {room}")
    storage.fetch = partial(_fetch, file, body + begin)
    strides, step = [], 1
    for count in reversed(shape):
        strides.insert(0, step)
        step *= max(count, 1)
    return StoredTensor(storage, 0, tuple(shape), tuple(strides), allowance)


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 1 << 48 for value in values)


def _check_order(header: Mapping, room: int) -> None:
    """Refuse tensors that overlap or leave gaps: the format wants each to begin where the one before ends."""
    at = 0
    for begin, end in sorted(tuple(entry["data_offsets"]) for entry in header.values()):
        if begin != at:
            raise Damaged("tensors that overlap, or bytes between them")
        at = end
    if at != room:
        raise Damaged(f"{room - at} bytes behind the last tensor")


def _fetch(file: BinaryIO, at: int, start: int, stop: int) -> bytes:
    file.seek(at + start)
    return file.read(stop - start)
