"""NumPy's array files, read within bounds; nothing in them is executed."""

import ast
import math
import struct
from collections.abc import Callable
from typing import Literal

import numpy as np

from ..short import short
from .bounds import Refused

START = b"\x93NUMPY"
"""The bytes that such a file begins with."""
_HEADER_BYTES = 10_000
_NUMBERS = "buif"
"""Kinds of numbers as NumPy's ``dtype.kind`` names them: yes or no, whole ones, fractions."""
_DAMAGE = (LookupError, struct.error, ValueError, TypeError, SyntaxError, MemoryError, RecursionError, OverflowError)
_NONE = "no NumPy array"


def read_npy(content: bytes | memoryview, check: Callable[[tuple[int, ...]], None] = lambda shape: None) -> np.ndarray:
    """The array that a .npy file holds.

    Args:
        check: called with its shape before its numbers are looked at; may raise an error of its own.

    Raises:
        Refused: it is no such file, holds something else than numbers, or is cut short; says which.
    """
    shape, order, dtype, start = _header(content)
    if dtype.kind not in _NUMBERS or not dtype.itemsize:
        raise Refused("an array of objects, records or text; expected one of numbers")
    check(shape)
    body = memoryview(content)[start:]
    if len(body) != math.prod(shape) * dtype.itemsize:
        raise Refused("an array that is cut short, or longer than it says")
    if dtype.kind == "b":  # its bytes may be others than 0 and 1
        return (np.frombuffer(body, np.uint8) != 0).reshape(shape, order=order)
    return np.frombuffer(body, dtype).reshape(shape, order=order)


def _header(content: bytes | memoryview) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype, int]:
    """Shape, order in memory, type, and where the numbers begin."""
    head = bytes(content[: 12 + _HEADER_BYTES])
    try:
        version, start = head[6], 10 if head[6:7] == b"\1" else 12
        length = struct.unpack_from("<H" if version == 1 else "<I", head, 8)[0]
        if head[:6] != START or version not in (1, 2, 3) or length > _HEADER_BYTES:
            raise Refused(_NONE)
        text = head[start : start + length].decode("utf-8" if version == 3 else "latin-1").strip()
        header = ast.literal_eval(text)
        shape, order, dtype = header["shape"], "F" if header["fortran_order"] else "C", np.dtype(header["descr"])
    except Refused:
        raise
    except _DAMAGE as error:
        raise Refused(_NONE) from error
    if not isinstance(shape, tuple) or not all(type(side) is int and 0 <= side < 1 << 48 for side in shape):
        raise Refused(f"{_NONE} (its shape is {short(shape)})")
    return shape, order, dtype, start + length
