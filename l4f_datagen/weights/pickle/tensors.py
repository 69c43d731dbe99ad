"""Tensors of a file that are not read yet. Their claims are checked at once, their bytes are read on demand."""

import math
import re
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...short import short
from .machine import Allowance, Damaged, Forbidden

MAX_DIMENSIONS = 8
_INDEX_LIMIT = 1 << 48
Fetch = Callable[[int, int], "bytes | bytearray | memoryview"]
"""(first byte, byte after the last) → those bytes of a storage."""


class Storage:
    """``numel`` numbers of one type in a row, somewhere in the file; ``fetch`` is None until it is known where."""

    __slots__ = ("dtype", "fetch", "numel")
    fetch: Fetch | None

    def __init__(self, dtype: torch.dtype, numel: object) -> None:
        self.dtype, self.numel, self.fetch = dtype, _index(numel), None

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.numel * self.dtype.itemsize


class StoredTensor:
    """A tensor whose numbers lie in a storage; ``load`` reads them."""

    __slots__ = ("allowance", "dtype", "offset", "shape", "storage", "stride")

    def __init__(
        self,
        storage: object,
        offset: object,
        shape: object,
        stride: object,
        allowance: Allowance,
        dtype: torch.dtype | None = None,
    ) -> None:
        if not isinstance(storage, Storage):
            raise Damaged("a tensor without a storage")
        self.storage, self.dtype, self.allowance = storage, dtype or storage.dtype, allowance
        self.offset, self.shape, self.stride = _index(offset), _indices(shape), _indices(stride)
        if len(self.shape) != len(self.stride) or len(self.shape) > MAX_DIMENSIONS:
            raise Damaged(f"a tensor of {len(self.shape)} dimensions with {len(self.stride)} strides")
        # An expanded tensor puts many elements on few numbers: its claim must fail here, before it grows in use.
        if self.numel and max(self._last, self.numel - 1) >= storage.nbytes // self.dtype.itemsize:
            raise Damaged("a tensor that is larger than its storage")

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def _last(self) -> int:
        return self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))

    def load(self) -> Tensor:
        """The tensor on the CPU, in memory of its own.

        Raises:
            Damaged: its bytes are not there.
            Forbidden: the tensors of this file were larger together than the file can hold.
        """
        if self.storage.fetch is None:
            raise Damaged("a tensor whose numbers the file does not hold")
        if not self.numel:
            return torch.empty(self.shape, dtype=self.dtype)
        size = self.dtype.itemsize
        start, stop = self.offset * size, (self._last + 1) * size
        self.allowance.spend(max(stop - start, self.numel * size))
        buffer = bytearray(self.storage.fetch(start, stop))
        if len(buffer) != stop - start:
            raise Damaged("a tensor that is not complete")
        return torch.frombuffer(buffer, dtype=self.dtype).as_strided(self.shape, self.stride)


class NumberType:
    """The stand-in for ``numpy.dtype``: a type code and a byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, align: object = False, copy: object = False) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"[<>|=]?[biuf][1248]", code):
            raise Forbidden(f"an array of {short(code, 40, quotes=True)}")
        self.code, self.order = code[-2:], code[0] if code[0] in "<>" else "<"

    def set_state(self, state: object) -> None:
        """Take the state that a pickle gives it; its second entry is the byte order."""
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise Damaged("a numpy type of an unknown form")
        self.order = ">" if state[1] == ">" else "<"

    def decode(self, data: "bytes | memoryview | str") -> np.ndarray:
        """Bytes as a flat array in this computer's byte order, in memory of its own."""
        if isinstance(data, str):  # how Python 2 wrote bytes
            data = data.encode("latin-1")
        kind = np.dtype(self.order + self.code)
        return np.frombuffer(data, kind).astype(kind.newbyteorder("="))


class StoredArray:
    """A numpy array; ``shape`` is empty until the pickle has given its state."""

    __slots__ = ("allowance", "axes", "data", "fortran", "number_type", "shape")

    def __init__(self, allowance: Allowance) -> None:
        self.allowance, self.shape, self.data = allowance, (), b""
        self.number_type, self.fortran, self.axes = NumberType("f4"), False, None

    def set_state(self, state: object) -> None:
        """Take the state that a pickle gives it: (version, shape, type, column-major, bytes)."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise Damaged("a numpy array of an unknown form")
        _, shape, number_type, fortran, data = state
        if not isinstance(number_type, NumberType) or not isinstance(data, (bytes, memoryview, str)):
            raise Forbidden("a numpy array of objects")
        self.shape, self.number_type, self.fortran, self.data = _indices(shape), number_type, bool(fortran), data
        if math.prod(self.shape) * int(number_type.code[1]) != len(data):
            raise Damaged("a numpy array that is not complete")

    def order_axes(self, axes: object) -> None:
        """Say in which order the axes lie in memory; None for the order of the shape."""
        self.axes = None if axes is None else _indices(axes)
        if self.axes is not None and sorted(self.axes) != list(range(len(self.shape))):
            raise Damaged("a numpy array with axes that it does not have")

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def load(self) -> Tensor:
        """The array as a tensor on the CPU, in memory of its own. Raises as ``StoredTensor.load``."""
        self.allowance.spend(len(self.data))
        array = self.number_type.decode(self.data)
        if array.dtype.kind == "u" and array.itemsize > 1:
            array = array.astype(np.int64)
        array = array.reshape(self.shape, order="F" if self.fortran else "C")
        return torch.from_numpy(array if self.axes is None else array.transpose(self.axes))


def load_tensor(value: object) -> Tensor:
    """The tensor that stands for a value of a file, where a tensor or a number belongs.

    Raises:
        Damaged: something else stands there, or its bytes are not there.
    """
    if isinstance(value, (StoredTensor, StoredArray)):
        return value.load()
    if isinstance(value, (int, float)):
        return torch.tensor(value)
    raise Damaged(f"a {type(value).__name__} where a tensor belongs")


def _index(value: object) -> int:
    if type(value) is not int or not 0 <= value < _INDEX_LIMIT:
        raise Damaged(f"a size of {short(value)}" if type(value) is int else "a size that is no number")
    return value


def _indices(values: object) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or len(values) > MAX_DIMENSIONS:
        raise Damaged("sizes that are no short list")
    return tuple(_index(value) for value in values)
