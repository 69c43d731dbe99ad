import collections
import datetime
import time
from pathlib import PurePosixPath

import numpy as np
import pytest
import torch

from l4f_datagen.errors import UserError
from l4f_datagen.short import short


def _memoised(depth, make=lambda inner: [inner, inner]):
    value = make([])
    for _ in range(depth):
        value = make(value)
    return value


def _circular():
    value = []
    value.append(value)
    value.append({"self": value})
    return value


def _deep(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value, text",
    [
        ("plain words", "plain words"),
        ("", "''"),
        (" \n ", "''"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("\x1b[31mred\x07", "?[31mred?"),
        ("right \u202e left \ud800", "right ? left ?"),
        ("é 真 🎉", "é 真 🎉"),
        (["a", 1, None, True, 2.5], "['a', 1, None, True, 2.5]"),
        ((1,), "(1,)"),
        ((), "()"),
        ({}, "{}"),
        ({"a": (1, 2)}, "{'a': (1, 2)}"),
        ({3}, "{3}"),
        ({"x": 1}.keys(), "{'x'}"),
        (collections.OrderedDict(a=1), "{'a': 1}"),
        (b"\x00ab", r"b'\x00ab'"),
        (bytearray(b"ab"), "b'ab'"),
        pytest.param(memoryview(b"ab"), "b'ab'", id="memory view"),
        (-5, "-5"),
        (10**30, "1" + "0" * 30),
        (float("nan"), "nan"),
        (-float("inf"), "-inf"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (PurePosixPath("a/b"), "a/b"),
        (int, "int"),
        pytest.param(object(), "object", id="object"),
        (np.float32(0.5), "0.5"),
        (np.int64(3), "3"),
        (np.zeros((2, 3)), "ndarray of shape (2, 3)"),
        (torch.zeros(4), "Tensor of shape (4,)"),
        (ValueError("bad\nthing"), "bad thing"),
        (KeyError("name"), "name"),
        (ValueError(), "ValueError"),
        (ValueError(""), "ValueError"),
        (FileNotFoundError(2, "No such file", "x"), "[Errno 2] No such file: 'x'"),
        (UserError("a", got="b", expected="c", remedy="d"), "a: got b; expected c; d"),
    ],
    ids=repr,
)
def test_what_is_short_is_told_whole(value, text):
    assert short(value) == text


@pytest.mark.parametrize(
    "name, value",
    {
        "memoised lists": _memoised(60),
        "memoised tuples": _memoised(60, lambda inner: (inner, inner)),
        "memoised dicts": _memoised(60, lambda inner: {"a": inner, "b": inner}),
        "memoised lists in an error": ValueError(_memoised(60)),
        "memoised lists in a key error": KeyError(_memoised(60), 2),
        "circular": _circular(),
        "deep": _deep(100_000),
        "empty lists": [[]] * 1_000_000,
        "long text": "x" * 10_000_000,
        "long blanks": " " * 10_000_000 + "x",
        "long bytes": b"\x00" * 10_000_000,
        "long dictionary": dict.fromkeys(range(200_000)),
        "huge integer": 1 << 10_000_000,
        "huge negative integer": -(1 << 10_000_000),
        "huge integers": [1 << 200_000] * 10,
        "large array": np.zeros(1_000_000),
        "array of objects": np.array([_circular()], dtype=object),
        "many dimensions": np.zeros((1,) * 60),
        "control characters": "\x00\x1b\x85\u2028" * 1000,
        "escapes": "\\'\"" * 1000,
    }.items(),
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)
def test_no_value_takes_long_or_more_than_its_line(name, value):
    for most in (1, 2, 7, 60, 300):
        started = time.process_time()
        texts = short(value, most), short(value, most, quotes=True), short([value], most)
        assert time.process_time() - started < 1, most
        for text in texts:
            assert 0 < len(text) <= most
            assert text.isprintable(), name


def test_what_is_left_out_shows():
    assert short("abcdefgh", 5) == "abcd…"
    assert short("abcdefgh", 7, quotes=True) == "'abcd…'"
    assert short("abc", quotes=True) == "'abc'"
    assert short([1, 2, 3, 4], 7) == "[1, 2,…"
    assert short(1 << 10_000) == "(a number of about 3011 digits)"


def test_nothing_of_the_value_is_called():
    class Loud:
        def __repr__(self):
            raise AssertionError("called")

        __str__ = __repr__

    assert short({"a": [Loud()]}) == "{'a': [Loud]}"


@pytest.mark.parametrize("quotes", [False, True])
@pytest.mark.parametrize("kind", [str, lambda text: [text], lambda text: {"a": text}, ValueError])
def test_an_address_loses_its_secrets_before_it_is_cut(kind, quotes):
    address = "https://hidden-user:hidden-word@host/path?token=hidden-token"
    for most in range(4, 60):
        assert "hid" not in short(kind(address), most, quotes=quotes), most
    assert "hid" not in short(kind(f"got {address}"), most, quotes=quotes)
