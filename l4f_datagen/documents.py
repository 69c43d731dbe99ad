"""JSON and YAML files, whoever wrote them: read within bounds, or refused in one line that says where and why.

What comes back is plain (dict with words as keys, list, str, int, float, bool, None), at most ``DEPTH`` deep, its
whole numbers have 64 bits and its text can be written as UTF-8: nothing that is done with it later runs away.
"""

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import yaml

from .errors import UserError
from .short import short

DEPTH = 64
"""Containers within containers."""
JSON_BYTES = 16 << 20
YAML_BYTES = 256 << 10
"""More than any settings need; what reads YAML is slow."""
_CONTAINERS = 10**7
"""Of a JSON file; an empty one takes 64 bytes of memory and three of the file."""
_YAML_SIZE = 256 << 10
_NODE = 16
"""What a value of a YAML file counts beside its text, every use of an alias anew."""
_INTEGERS = range(-(2**63), 2**64)
_DIGITS = 20


class Unreadable(UserError):
    """A file that is not the JSON or YAML that it should be; ``got`` says what is wrong."""


def load_json(path: Path, name: str | None = None, **options: Any) -> Any:
    """As ``read_json``, from a file of this machine."""
    return read_json(read_file(path, most=options.get("most", JSON_BYTES)), name or str(path), **options)


def load_yaml(path: Path, name: str | None = None, **options: Any) -> Any:
    """As ``read_yaml``, from a file of this machine."""
    return read_yaml(read_file(path, most=options.get("most", YAML_BYTES)), name or str(path), **options)


def read_file(path: Path, *, most: int) -> bytes:
    """The bytes of a small file; of a larger one ``most`` + 1, which its reader refuses.

    Raises:
        Unreadable: it is none that can be read, a folder say.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise Unreadable(
            str(path), got=f"no file that can be read ({error.strerror or error})", expected="a file",
            remedy="check the path and its permissions",
        ) from error  # fmt: skip


def read_json(
    content: bytes, name: str, *, kind: type | tuple[type, ...] = object, most: int = JSON_BYTES, finite: bool = True
) -> Any:
    """The value of a JSON file.

    Args:
        name: what a user calls the file.
        kind: what the outermost value has to be, ``dict`` say.
        most: bytes that it may have.
        finite: refuse NaN and infinities.

    Raises:
        Unreadable: it is no JSON in UTF-8, or goes beyond what this module promises.
    """
    try:
        text = _text(content, most)
        if _containers(content) > _CONTAINERS:
            raise _Refused(f"more than {_CONTAINERS} lists and objects")
        value = (_FINITE if finite else _ANY).decode(text)
        _check_depth(value, _containers(content))
        if b"\\u" in content:
            _check_text(value)
        return _checked(value, kind)
    except json.JSONDecodeError as error:
        problem = f"no JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except RecursionError:
        problem = f"more than {DEPTH} lists and objects within each other"
    except ValueError as error:
        problem = str(error)
    raise Unreadable(name, got=problem, expected="JSON in UTF-8", remedy="mend the file or name another")


def read_yaml(content: bytes, name: str, *, kind: type | tuple[type, ...] = object, most: int = YAML_BYTES) -> Any:
    """The value of a YAML file; None for one without any. Keys are taken as they are spelt: ``on`` is "on", 1 is "1".

    Args as for ``read_json``.

    Raises:
        Unreadable: it is no YAML in UTF-8, asks for more than plain values, or goes beyond what this module promises.
    """
    try:
        text = _text(content, most, may_be_empty=True)
        return _checked(yaml.load(text, _Loader), kind)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = f"no YAML ({where}{short(error.problem or error.context, 120)})"
    except yaml.YAMLError as error:
        problem = f"no YAML ({short(str(error), 120)})"
    except RecursionError:
        problem = "merged mappings within each other without end"
    except (ValueError, OverflowError, TypeError, LookupError, AttributeError) as error:
        problem = str(error) if isinstance(error, _Refused) else f"no YAML ({short(str(error), 120)})"
    raise Unreadable(name, got=problem, expected="YAML in UTF-8", remedy="mend the file or name another")


class _Refused(ValueError):
    """What is wrong with a document, in words."""


def _text(content: bytes, most: int, *, may_be_empty: bool = False) -> str:
    if len(content) > most:
        raise _Refused(f"a file of more than {most} bytes")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _Refused("a file in UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Refused(f"text that is not UTF-8 (line {line}, byte {error.start})") from None
    if not may_be_empty and not text.strip():
        raise _Refused("an empty file")
    return text


def _checked(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind):
        names = {dict: "an object of names and values", list: "a list"}
        wanted = " or ".join(names.get(k, k.__name__) for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise _Refused(f"{short(value)}, which is not {wanted}")
    return value


def _containers(content: bytes) -> int:
    """At least as many as there are."""
    return content.count(b"[") + content.count(b"{")


def _check_depth(value: Any, containers: int) -> None:
    if containers <= DEPTH:
        return
    level = [value]
    for _ in range(DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise RecursionError


def _check_text(value: Any) -> None:
    """Refuse what JSON can spell and UTF-8 or a file's name cannot: halves of characters, and NUL."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            _check_word(value)
        elif isinstance(value, dict):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _check_word(word: str) -> str:
    if "\0" in word or (not word.isascii() and any("\ud800" <= letter <= "\udfff" for letter in word)):
        raise _Refused(f"text with a character that no file can hold ({short(word)})")
    return word


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _DIGITS or (value := int(text)) not in _INTEGERS:
        raise _Refused(f"the number {short(text, 30)}, which is larger than any that has a meaning")
    return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"the number {short(text, 30)}, which is larger than any that has a meaning")
    return value


def _not_finite(text: str) -> NoReturn:
    raise _Refused(f"{text}, which is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        _refuse_twice(key for key, _ in pairs)
    return made


def _refuse_twice(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise _Refused(f"the key {short(key)} twice in one object")
        seen.add(key)


_HOOKS: dict[str, Callable] = {"object_pairs_hook": _object, "parse_int": _integer}
_FINITE = json.JSONDecoder(parse_float=_number, parse_constant=_not_finite, **_HOOKS)
_ANY = json.JSONDecoder(**_HOOKS)


class _Loader(yaml.SafeLoader):
    """The safe loader less dates, binaries and sets, with keys as words and with bounds."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors: ClassVar[dict[str | None, Callable]] = {}

    def __init__(self, text: str):
        super().__init__(text)
        self._depth = self._size = 0
        self._sizes: dict[str, int | None] = {}
        """By anchor; None while what it names is being read."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        event = self.peek_event()
        self._depth += 1
        if self._depth > DEPTH:
            self._refuse(f"more than {DEPTH} lists and mappings within each other", event)
        before = self._size
        if isinstance(event, yaml.AliasEvent):
            size = self._sizes.get(event.anchor, 0)
            if size is None:
                self._refuse(f"an alias *{short(event.anchor)} within what it stands for", event)
            self._size += size
        else:
            self._size += _NODE + len(getattr(event, "value", ""))
            if event.anchor is not None:
                self._sizes[event.anchor] = None
        if self._size > _YAML_SIZE:
            self._refuse("more values, or aliases of them, than any settings need", event)
        node = super().compose_node(parent, index)
        if event.anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._sizes[event.anchor] = self._size - before
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.composer.ComposerError(None, None, "a key that is no word", key.start_mark)
            if key.tag == _MERGE:
                continue
            key.tag = _WORD
            if key.value in seen:
                problem = f"the key {short(key.value)} twice in one mapping"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return node

    def plain(self, node: yaml.Node) -> Any:
        """A value of one of the kinds that are read."""
        kind = node.tag.removeprefix(_TAG)
        try:
            if kind == "str" and isinstance(node, yaml.ScalarNode):
                return _check_word(self.construct_scalar(node))
            if kind == "int":
                return self._integer(self.construct_yaml_int(node))
            if kind == "float":
                return self._finite(self.construct_yaml_float(node))
            if kind in ("null", "bool") and isinstance(node, yaml.ScalarNode):
                return getattr(self, f"construct_yaml_{kind}")(node)
        except (ValueError, OverflowError, LookupError) as error:
            problem = str(error) if isinstance(error, _Refused) else f"{short(node.value)}, which is not of {kind}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None
        tag = f"!!{kind}" if node.tag.startswith(_TAG) else node.tag
        problem = f"the tag {short(tag)}; only plain values are read"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

    def _integer(self, value: int) -> int:
        if value not in _INTEGERS:
            raise _Refused("a number that is larger than any that has a meaning")
        return value

    def _finite(self, value: float) -> float:
        if not math.isfinite(value):
            raise _Refused(f"{value}, which is no number")
        return value

    def _refuse(self, problem: str, event: yaml.Event) -> NoReturn:
        raise yaml.composer.ComposerError(None, None, problem, event.start_mark)


_TAG = "tag:yaml.org,2002:"
_MERGE, _WORD = f"{_TAG}merge", f"{_TAG}str"
_Loader.add_constructor(f"{_TAG}map", yaml.SafeLoader.construct_yaml_map)
_Loader.add_constructor(f"{_TAG}seq", yaml.SafeLoader.construct_yaml_seq)
_Loader.add_constructor(None, _Loader.plain)
