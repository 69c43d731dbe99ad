"""Places of a pipeline file that flags of ``run`` fill: ``images: ${images}``, and sections that depend on a flag.

A file lists its flags, each with its default, in the section ``flags``. ``required`` says that there is none; where the
default is nothing, a setting whose place nobody filled is left out, and so is one whose default is
``{default: 64, unless: from}`` where ``--from`` was given. A section with ``when: test_images`` is left out
unless that flag is given. ``${generator}``, ``${alpha}`` and ``${shards}`` are what stages make, and no file lists
them; who uses a section alone has to give them. What the section ``paper`` holds is laid over the others where
``run paper`` asks for it, and what ``gpu`` holds on a machine with a GPU. A section that ``paper`` names without
content is left out there.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..devices import resolve_device
from ..errors import UserError
from ..short import short

FLAGS, GPU, PAPER, WHEN, REQUIRED = "flags", "gpu", "paper", "when", "required"
DEFAULT, UNLESS = "default", "unless"
_PLACE = re.compile(r"\$\{([A-Za-z0-9_-]*)\}", re.ASCII)
_ABSENT = object()


class Filled(NamedTuple):
    """The sections of a pipeline file whose places are filled."""

    sections: dict[str, Any]
    left_out: dict[str, str]
    """Why a section is left out, by its name, "evaluate segmenter" say."""


def place_in(value: object) -> str | None:
    """The flag that a value waits for: "images" for "${images}"; None if it is an ordinary value."""
    found = _PLACE.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def fill(
    content: Mapping[str, Any],
    known: Mapping[str, str],
    made: Collection[str],
    given: Mapping[str, Any] | None,
    without: Mapping[str, str],
    where: str,
    *,
    paper: bool = False,
) -> Filled:
    """Fill the places of a pipeline file.

    Args:
        known: what each flag that there is means, by name.
        made: names of what stages make, whose places stay until these fill them.
        given: values of flags; None: nobody asks for flags now, and places of required ones stay.
        without: sections that are left out, and why.
        where: the file.
        paper: whether what the file adds for the paper's whole experiment is wanted.

    Raises:
        UserError: a flag that the file has no place for or that is missing, or a place for a flag that is none.
    """
    sections = dict(content)
    device = (given or {}).get("device")
    added = _mapping(sections.pop(PAPER, None), f"{where}: {PAPER}")
    over = _mapping(sections.pop(GPU, None), f"{where}: {GPU}")
    removed = {}
    if paper:
        removed = {name: sections.pop(name, None) for name, content in added.items() if content is None}
        sections = _laid_over(sections, {name: content for name, content in added.items() if name not in removed})
        over = {name: content for name, content in over.items() if name not in removed}
    if over and resolve_device(device or "auto").type != "cpu":
        sections = _laid_over(sections, over)
    flags = _mapping(sections.pop(FLAGS, None), f"{where}: {FLAGS}")
    for name in flags:
        if name not in known:
            raise UserError(
                f"{where}: {FLAGS}: {short(name)}", got="an unknown flag", expected=f"one of {', '.join(known)}",
                remedy="change its name",
            )  # fmt: skip
    for name in given or {}:
        if name not in flags:
            raise _no_place(name, flags, where)
    filling = _Filling(flags, given, where, known, made)
    for name, section in removed.items():
        filling.unused |= dict.fromkeys(_names(section), f"`run {PAPER}` leaves {name} out of {where}")
    kept, left_out = {}, {name: why for name, why in without.items() if name in sections}
    for name, section in sections.items():
        if name in without:
            filling.unused |= dict.fromkeys(_names(section), without[name])
        elif (found := filling.section(name, section, left_out)) is not _ABSENT:
            kept[name] = found
    filling.refuse_what_is_not_used()
    return Filled(kept, left_out)


@dataclass
class _Filling:
    """The work of ``fill``, section by section."""

    flags: Mapping[str, Any]
    given: Mapping[str, Any] | None
    where: str
    known: Mapping[str, str]
    made: Collection[str]
    used: set[str] = field(default_factory=set)
    """Flags of places in sections that are kept."""
    unused: dict[str, str] = field(default_factory=dict)
    """Flags of places in sections that are left out, and why these are."""

    def section(self, name: str, content: Any, left_out: dict[str, str]) -> Any:
        """A section with its places filled, without those within it that depend on a flag that nobody gave."""
        if not isinstance(content, Mapping):
            return self.value(content)
        if WHEN in content:
            needed = content[WHEN]
            self._default(needed if isinstance(needed, str) else "")
            if needed not in (self.given or {}):
                why = f"{_option(needed)} was not given"
                left_out[name] = f"{why} ({self.known[needed]})"
                self.unused |= dict.fromkeys(_names(content), why)
                return _ABSENT
        found = {}
        for key, value in content.items():
            if key != WHEN:
                inner = self.section(f"{name} {key}", value, left_out) if isinstance(value, Mapping) else None
                found[key] = self.value(value) if inner is None else inner
        return {key: value for key, value in found.items() if value is not _ABSENT}

    def value(self, value: Any) -> Any:
        """A value, or that of the flag that it waits for; ``_ABSENT`` where nobody gave it and it has no default."""
        if isinstance(value, list):
            return [one for one in map(self.value, value) if one is not _ABSENT]
        name = place_in(value)
        if name is None or name in self.made:
            return value
        self.used.add(name)
        default = self._default(name)
        if name in (self.given or {}):
            return (self.given or {})[name]
        if default != REQUIRED:
            return _ABSENT if default is None else default
        if self.given is None:
            return value
        raise UserError(
            _option(name), got="nothing", expected=self.known[name], remedy=f"{self.where} needs it: {_option(name)} …"
        )  # fmt: skip

    def _default(self, name: str) -> Any:
        if name not in self.flags:
            raise UserError(
                self.where, got=f"a place for {short(name, quotes=True)}, which its section {FLAGS} does not list",
                expected=f"one of {', '.join(self.flags) or 'its flags, and it lists none'}",
                remedy=f"list it in {FLAGS}, or change the name",
            )  # fmt: skip
        default = self.flags[name]
        if not isinstance(default, Mapping):
            return default
        if default.keys() != {DEFAULT, UNLESS} or default[UNLESS] not in self.flags:
            raise UserError(
                f"{self.where}: {FLAGS}: {name}", got=short(dict(default), 80),
                expected=f"a value, or {DEFAULT} and {UNLESS}: one of {', '.join(self.flags)}", remedy="change it",
            )  # fmt: skip
        return None if default[UNLESS] in (self.given or {}) else default[DEFAULT]

    def refuse_what_is_not_used(self) -> None:
        """Refuse flags that change nothing, unless they are required: then nobody can be blamed for giving them.

        Raises:
            UserError: there is one; says why it changes nothing.
        """
        for name in self.given or {}:
            if name not in self.used and name in self.unused and self.flags[name] != REQUIRED:
                raise UserError(
                    _option(name), got=f"it, though {self.unused[name]}", expected="flags that change something",
                    remedy="leave it out, or give what it belongs to",
                )  # fmt: skip


def refuse_places(values: Mapping[str, Any], where: str = "") -> None:
    """Refuse settings that still wait for a flag.

    Raises:
        UserError: names the flag.
    """
    for name, value in values.items():
        parts = value if isinstance(value, (list, tuple)) else (value,)
        if place := next((found for found in map(place_in, parts) if found is not None), None):
            raise UserError(
                f"{where}: {name}" if where else name, got=f"${{{place}}} of a pipeline file, which nothing fills",
                expected="a value", remedy=f"give {_option(name)}",
            )  # fmt: skip


def _no_place(name: str, flags: Mapping[str, Any], where: str) -> UserError:
    others = ", ".join(map(_option, flags))
    return UserError(
        _option(name), got=f"a flag that {where} has no place for",
        expected=f"one of {others}" if flags else "a pipeline file that lists it in its section flags",
        remedy="leave it out, or change the file's settings" + ("" if flags else "; photos is one that has flags"),
    )  # fmt: skip


def _option(name: object) -> str:
    return f"--{str(name).replace('_', '-')}"


def _names(tree: Any) -> Iterator[str]:
    """Flags of all places in a tree."""
    if (name := place_in(tree)) is not None:
        yield name
    parts = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list) else ()
    for part in parts:
        yield from _names(part)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(where, got=short(value, 80, quotes=True), expected="names and values", remedy="see pipelines/")
    return value


def _laid_over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees in one; where both have a value, the upper one's."""
    found = dict(lower)
    for name, value in upper.items():
        below = found.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        found[name] = _laid_over(below, value) if both else value  # type: ignore[arg-type]  # both are mappings
    return found
