"""JSON and YAML of anybody's are read within bounds, or refused in one line."""

import ast
import json
import pickle
import time
from pathlib import Path

import pytest

from l4f_datagen import documents
from l4f_datagen.documents import DEPTH, Unreadable, from_json, read_json, read_yaml

LAUGHS = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (after, after, b", ".join([b"*%c" % before] * 10))
    for before, after in zip(b"abcdefgh", b"bcdefghi", strict=True)
)
MERGES = b"a: &a {x: 1}\n" + b"".join(
    b"%c: &%c {<<: [%s]}\n" % (after, after, b", ".join([b"*%c" % before] * 20))
    for before, after in zip(b"abcdefgh", b"bcdefghi", strict=True)
)
CHAIN = (
    b"a0: &a0 {x: 1}\n" + b"".join(b"a%d: &a%d {<<: *a%d}\n" % (n, n, n - 1) for n in range(1, 3000)) + b"<<: *a2999"
)

JSON = {
    "empty": (b"", "an empty file"),
    "blank": (b" \n", "an empty file"),
    "no JSON": (b'{"a": 1,\n}', "line 2, column 1"),
    "cut": (b'{"a": [1, 2', "line 1, column 12"),
    "more after it": (b"{} {}", "Extra data"),
    "zeros": (bytes(4096), "no JSON"),
    "not UTF-8": (b'{"a":\n "\xff"}', "line 2, byte 8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "UTF-16; save it as UTF-8"),
    "NaN": (b'{"a": NaN}', "NaN, which is no number"),
    "infinity": (b"[-Infinity]", "-Infinity, which is no number"),
    "infinite in digits": (b"[1e400]", "the number 1e400"),
    "negative and infinite in digits": (b"[-1e999]", "the number -1e999"),
    "many digits": (b"[" + b"9" * 100_000 + b"]", "the number 9999"),
    "some digits": (b"[1%s]" % (b"0" * 21), "larger than any that has a meaning"),
    "65 bits": (b"[%d]" % 2**64, "larger than any"),
    "negative, 65 bits": (b"[%d]" % (-(2**63) - 1), "larger than any"),
    "deep lists": (b"[" * 100_000 + b"]" * 100_000, "within each other"),
    "lists a little too deep": (b"[" * (DEPTH + 2) + b"]" * (DEPTH + 2), "within each other"),
    "deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "within each other"),
    "deep and open": (b"[" * 10_000_000, "within each other"),
    "a key twice": (b'{"a": {"b": 1, "c": 2, "b": 3}}', "the key b twice"),
    "half a character": (rb'{"a": "\ud800"}', "no file can hold"),
    "half a character in a key": (rb'{"\udfff": 1}', "no file can hold"),
    "NUL": (rb'["a\u0000b"]', "no file can hold"),
    "too long": (b'"' + b"a" * (16 << 20) + b'"', "more than 16777216 bytes"),
    "another kind": (b"[1, 2]", "which is not an object"),
    "null": (b"null", "None, which is not an object"),
}
YAML = {
    "no YAML": (b"a: [1, 2\nb: 3", "line 2, column 2"),
    "a tab": (b"a:\n\tb: 1", "line 2, column 1"),
    "zeros": (bytes(4096), "no YAML"),
    "not UTF-8": (b"a: 1\nb: \xff", "line 2, byte 8"),
    "UTF-16": ("a: 1".encode("utf-16"), "UTF-16; save it as UTF-8"),
    "two documents": (b"a: 1\n---\nb: 2", "line 2"),
    "Python's objects": (b"a: !!python/object/apply:os.system [echo]", "the tag !!python/object/apply:os.system"),
    "Python's names": (b"!!python/name:os.system", "the tag !!python/name"),
    "a tag of one's own": (b"a: !Ref b", "the tag !Ref"),
    "binary": (b"a: !!binary aGVsbG8=", "the tag !!binary"),
    "a set": (b"a: !!set {b, c}", "the tag !!set"),
    "an ordered map": (b"a: !!omap [b: 1]", "the tag !!omap"),
    "a date by force": (b"a: !!timestamp 2024-01-01", "the tag !!timestamp"),
    "no number": (b"a: !!int x", "which is not of int"),
    "a number that is none": (b"a: 0x_", "which is not of int"),
    "a truth that is none": (b"a: !!bool maybe", "which is not of bool"),
    "nan": (b"a: .nan", "nan, which is no number"),
    "infinity": (b"a: -.inf", "-inf, which is no number"),
    "infinite in digits": (b"a: 1.0e+400", "inf, which is no number"),
    "many digits": (b"a: " + b"9" * 100_000, "9999.*which is not of int|larger"),
    "many digits of sixteen": (b"a: 0x" + b"f" * 100_000, "larger than any"),
    "many digits of two": (b"a: 0b" + b"1" * 100_000, "larger than any"),
    "many digits of sixty": (b"a: 1" + b":59" * 10_000, "larger than any"),
    "deep lists": (b"[" * 100_000, "within each other"),
    "deep mappings": (b"{a: " * 20_000, "within each other"),
    "deep by indentation": (b"".join(b" " * n + b"a:\n" for n in range(300)), "within each other"),
    "many laughs": (LAUGHS, "aliases"),
    "many merges": (MERGES, "aliases"),
    "a long chain of merges": (CHAIN, "merged mappings|aliases"),
    "a circle": (b"a: &a [*a]", "within what it stands for"),
    "a circle of merges": (b"a: &a {<<: *a}", "within what it stands for"),
    "a long text many times": (b"a: &a %s\nb: [%s]" % (b"x" * 10_000, b", ".join([b"*a"] * 5_000)), "aliases"),
    "an alias of nothing": (b"a: *b", "undefined alias"),
    "a key twice": (b"a:\n  b: 1\n  c: 2\n  b: 3", "line 4, column 3: the key b twice"),
    "a list for a key": (b"[a, b]: 1", "a key that is no word"),
    "half a character": (rb'a: "\ud800"', "no file can hold"),
    "no character": (rb'a: "\U00ffffff"', "no YAML"),
    "NUL": (rb'a: "b\0c"', "no file can hold"),
    "a merge of no mapping": (b"<<: 3", "line 1"),
    "too long": (b"#" * 300_000, "more than 262144 bytes"),
    "very many values": (b"[" + b"a," * 100_000 + b"]", "more values"),
    "another kind": (b"- a", "which is not an object"),
    "text": (b"hello", "hello, which is not an object"),
}


@pytest.mark.parametrize("case", JSON)
def test_json_that_is_none_is_refused_in_one_line(case):
    _refuses(read_json, *JSON[case])


@pytest.mark.parametrize("case", YAML)
def test_yaml_that_is_none_is_refused_in_one_line(case):
    _refuses(read_yaml, *YAML[case])


def _refuses(read, content, words):
    started = time.process_time()
    with pytest.raises(Unreadable, match=words) as refused:
        read(content, "some/file", kind=dict)
    assert time.process_time() - started < 10
    line = str(refused.value)
    assert line.startswith("some/file: ") and "\n" not in line and len(line) < 300
    again = pickle.loads(pickle.dumps(refused.value))
    assert type(again) is Unreadable and str(again) == line


def test_json_is_read_as_it_is():
    value = {"a": [1, -2.5, 1e-300, True, None, "ü€😀", 2**63, -(2**63)], "b": {"": [[], {}]}, "c": " \\u0000"}
    for content in (json.dumps(value), json.dumps(value, ensure_ascii=False), "\ufeff" + json.dumps(value)):
        assert read_json(content.encode(), "x", kind=dict) == value
    at_most = b"[" * DEPTH + b"]" * DEPTH
    assert json.dumps(read_json(at_most, "x")).encode() == at_most
    assert read_json(b"[NaN, -Infinity]", "x", finite=False)[1] == float("-inf")
    with pytest.raises(Unreadable, match="more than 3 bytes"):
        read_json(b"[ 1 ]", "x", most=3)


def test_yaml_is_read_as_settings_are_meant():
    content = b"""\xef\xbb\xbf
on: off
1: {no: 0x1F, y: 1_000, float: 1.5e+3, "quoted": "1"}
2024-01-01: 2024-01-01
base: &base {psi: 0.7, n: 3, list: [a, ~, null]}
more: {<<: *base, n: 4}
both: {<<: [*base, {z: 1}], n: 5}
again: *base
"""
    assert read_yaml(content, "x", kind=dict) == {
        "on": False,
        "1": {"no": 31, "y": 1000, "float": 1500.0, "quoted": "1"},
        "2024-01-01": "2024-01-01",
        "base": {"psi": 0.7, "n": 3, "list": ["a", None, None]},
        "more": {"psi": 0.7, "n": 4, "list": ["a", None, None]},
        "both": {"psi": 0.7, "n": 5, "list": ["a", None, None], "z": 1},
        "again": {"psi": 0.7, "n": 3, "list": ["a", None, None]},
    }
    assert read_yaml(b"", "x") is None and read_yaml(b"# nothing\n", "x") is None


def test_the_number_of_lists_and_objects_is_bounded(monkeypatch):
    monkeypatch.setattr(from_json, "_CONTAINERS", 3)
    assert read_json(b"[[], {}]", "x") == [[], {}]
    with pytest.raises(Unreadable, match="more than 3 lists and objects"):
        read_json(b"[[], [{}]]", "x")


@pytest.mark.parametrize("load", [documents.load_json, documents.load_yaml])
def test_what_is_no_file_is_told(load, tmp_path):
    (tmp_path / "folder").mkdir()
    for name, words in (("folder", "directory"), ("missing", "No such file")):
        with pytest.raises(Unreadable, match=f"{name}: got no file that can be read .*{words}"):
            load(tmp_path / name)
    (tmp_path / "long").write_bytes(b" " * 1000)
    with pytest.raises(Unreadable, match="more than 10 bytes"):
        load(tmp_path / "long", most=10)


PARSERS = {("json", "loads"), ("json", "load"), ("yaml", "load"), ("yaml", "safe_load"), ("yaml", "full_load"),
           ("yaml", "unsafe_load"), ("yaml", "load_all"), ("yaml", "safe_load_all")}  # fmt: skip


@pytest.mark.parametrize("parser", [("json", "loads"), ("yaml", "load")])
def test_the_search_finds_what_is_there(parser):
    assert parser in _called("import json, yaml\njson.loads(x)\nyaml.load(x)")


def test_nothing_else_in_the_package_reads_json_or_yaml():
    reader = Path(documents.__file__).parent
    for path in reader.parent.rglob("*.py"):
        if path.parent != reader:
            found = _called(path.read_text(encoding="utf-8")) & PARSERS
            assert not found, f"{path} calls {found}; documents reads within bounds"


def _called(program: str) -> set[tuple[str, str]]:
    """Attributes of modules that a program names, and names that it imports from them."""
    found = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add((node.value.id, node.attr))
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module, alias.name) for alias in node.names}
    return found
