import json

import pytest

from l4f_datagen.shards.format import sealed

VALUES = {"b": 1, "a": [1.5, "ü", {"c": None}]}


def test_the_values_come_first_and_as_they_are():
    assert list(json.loads(sealed.seal(VALUES)).items())[:-1] == list(VALUES.items())


@pytest.mark.parametrize("bit", [0, 3, 5])
def test_every_byte_counts(bit):
    content = sealed.seal(VALUES)
    assert sealed.holds(content) and sealed.seal(json.loads(content)) == content
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << bit
        assert not sealed.holds(bytes(damaged)), at


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"null", b"[" * 100_000, b"\xff", b'{"checksum": "x"}\n'])
def test_other_files_do_not_hold(content):
    assert not sealed.holds(content)
