"""Masks as Label Studio's brushes have them: run lengths of an RGBA picture, packed into bits.

The stream of bits, the highest of a byte first: 32 for the number of values (4·H·W), 5 for the bits of a value less
one, four times 4 for the bits of a length less one. Then blocks: 1 bit that tells a run from single values, 2 bits that
choose one of the four lengths, a length less one, and one value, or as many as the length says. The values are those of
the pixels row by row: red, green, blue, alpha. (The format of ``@thi.ng/rle-pack``, which Label Studio uses; its
converter's ``brush.py`` documents it.)
"""

from collections.abc import Sequence

import numpy as np

MOST_PIXELS = 1 << 28
_CHANNELS = 4
_VALUE_BITS = 8
_LENGTH_BITS = (3, 4, 8, 16)
"""Bits of the four lengths that Label Studio itself writes; another writer may choose others."""
_OPAQUE = 255


def encode(region: np.ndarray) -> list[int]:
    """A boolean H×W array as bytes, numbers from 0 to 255: white and opaque inside, black and transparent outside."""
    pixels = region.ravel()
    ends = np.append(np.flatnonzero(pixels[1:] != pixels[:-1]) + 1, pixels.size)
    lengths = _CHANNELS * np.diff(ends, prepend=0)
    bits = [f"{_CHANNELS * pixels.size:032b}{_VALUE_BITS - 1:05b}", *(f"{most - 1:04b}" for most in _LENGTH_BITS)]
    values = _OPAQUE * pixels[ends - 1].astype(np.uint8)
    for length, value in zip(lengths.tolist(), values.tolist(), strict=True):
        while length:
            part = min(length, 1 << _LENGTH_BITS[-1])
            kind = next(number for number, most in enumerate(_LENGTH_BITS) if part <= 1 << most)
            bits.append(f"1{kind:02b}{part - 1:0{_LENGTH_BITS[kind]}b}{value:08b}")
            length -= part
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8))


def decode(numbers: Sequence[int], height: int, width: int) -> np.ndarray:
    """What a brush drew, boolean H×W: where at least half of the alpha is there.

    Raises:
        ValueError: it is damaged, or of another size.
    """
    if not (height > 0 and width > 0 and height * width <= MOST_PIXELS):
        raise ValueError(f"an image of {width}×{height} pixels")
    if not isinstance(numbers, (list, tuple)) or not all(
        type(number) is int and 0 <= number < 256 for number in numbers
    ):
        raise ValueError("run lengths that are no bytes")
    bits = _Bits(bytes(numbers))
    count, value_bits = bits.take(32), bits.take(5) + 1
    length_bits = [bits.take(4) + 1 for _ in range(4)]
    if count != _CHANNELS * height * width or value_bits != _VALUE_BITS:
        raise ValueError(f"run lengths of {count} values of {value_bits} bits; the image has {height * width} pixels")
    values, place = np.empty(count, np.uint8), 0
    while place < count:
        run = bits.take(1)
        length = bits.take(length_bits[bits.take(2)]) + 1
        if length > count - place:
            raise ValueError("run lengths that go beyond the image")
        values[place : place + length] = bits.take(_VALUE_BITS) if run else bits.take_bytes(length)
        place += length
    return values.reshape(height, width, _CHANNELS)[..., -1] > _OPAQUE // 2


class _Bits:
    """A stream of bits."""

    def __init__(self, content: bytes):
        self._content, self._place = content, 0

    def take(self, count: int) -> int:
        """The next ``count`` bits as a number, the highest first."""
        begin, end = self._place, self._advance(count)
        window = int.from_bytes(self._content[begin // 8 : -(-end // 8)])
        return (window >> (-end % 8)) & ((1 << count) - 1)

    def take_bytes(self, count: int) -> np.ndarray:
        """The next ``count`` groups of eight bits, uint8."""
        begin, end = self._place, self._advance(8 * count)
        window = np.frombuffer(self._content, np.uint8)[begin // 8 : -(-end // 8)].astype(np.uint16)
        shift = begin % 8
        if not shift:
            return window.astype(np.uint8)
        return (((window[:-1] << shift) | (window[1:] >> (8 - shift))) & 255).astype(np.uint8)

    def _advance(self, count: int) -> int:
        self._place += count
        if self._place > 8 * len(self._content):
            raise ValueError("run lengths that are cut short")
        return self._place
