"""YAML files, read within bounds: plain values, whose aliases do not multiply."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from ..short import short
from .bounds import DEPTH, INTEGERS, Refused, Unreadable, check_word, of_kind, text_of

YAML_BYTES = 256 << 10
"""Bytes of a file; no settings need as many, and the reader of YAML is slow."""
_YAML_SIZE = 256 << 10
_NODE = 16
"""What a value counts beside the letters of its text; every use of an alias counts anew."""


def read_yaml(content: bytes, name: str, *, kind: type | tuple[type, ...] = object, most: int = YAML_BYTES) -> Any:
    """The value of a YAML file; None for one without any. Keys are taken as they are spelt: ``on`` is "on", 1 is "1".

    Args as for ``read_json``.

    Raises:
        Unreadable: it is no YAML in UTF-8, asks for more than plain values, or goes beyond what ``documents`` promises.
    """
    try:
        text = text_of(content, most, may_be_empty=True)
        return of_kind(yaml.load(text, _Loader), kind)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = f"no YAML ({where}{short(error.problem or error.context, 120)})"
    except yaml.YAMLError as error:
        problem = f"no YAML ({short(str(error), 120)})"
    except RecursionError:
        problem = "merged mappings within each other without end"
    except (ValueError, OverflowError, TypeError, LookupError, AttributeError) as error:
        problem = str(error) if isinstance(error, Refused) else f"no YAML ({short(str(error), 120)})"
    raise Unreadable(name, got=problem, expected="YAML in UTF-8", remedy="mend the file or name another")


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
        """Size of what an anchor names; None while that is being read."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
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

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ComposerError(None, None, "a key that is no word", key.start_mark)
            if key.tag == _MERGE:
                continue
            key.tag = _WORD
            if key.value in seen:
                problem = f"the key {short(key.value)} twice in one mapping"
                raise ComposerError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return node

    def plain(self, node: yaml.Node) -> Any:
        """A value of one of the kinds that are read."""
        kind = node.tag.removeprefix(_TAG)
        try:
            if kind == "str" and isinstance(node, yaml.ScalarNode):
                return check_word(self.construct_scalar(node))
            if kind == "int" and isinstance(node, yaml.ScalarNode):
                return self._integer(self.construct_yaml_int(node))
            if kind == "float" and isinstance(node, yaml.ScalarNode):
                return self._finite(self.construct_yaml_float(node))
            if kind in ("null", "bool") and isinstance(node, yaml.ScalarNode):
                return getattr(self, f"construct_yaml_{kind}")(node)
        except (ValueError, OverflowError, LookupError) as error:
            problem = str(error) if isinstance(error, Refused) else f"{short(node.value)}, which is not of {kind}"
            raise ConstructorError(None, None, problem, node.start_mark) from None
        tag = f"!!{kind}" if node.tag.startswith(_TAG) else node.tag
        problem = f"the tag {short(tag)}; only plain values are read"
        raise ConstructorError(None, None, problem, node.start_mark)

    def _integer(self, value: int) -> int:
        if value not in INTEGERS:
            raise Refused("a number that is larger than any that has a meaning")
        return value

    def _finite(self, value: float) -> float:
        if not math.isfinite(value):
            raise Refused(f"{value}, which is no number")
        return value

    def _refuse(self, problem: str, event: yaml.Event) -> NoReturn:
        raise ComposerError(None, None, problem, event.start_mark)


_TAG = "tag:yaml.org,2002:"
_MERGE, _WORD = f"{_TAG}merge", f"{_TAG}str"
_Loader.add_constructor(f"{_TAG}map", yaml.SafeLoader.construct_yaml_map)
_Loader.add_constructor(f"{_TAG}seq", yaml.SafeLoader.construct_yaml_seq)
_Loader.yaml_constructors[None] = _Loader.plain  # for every tag that has no other
