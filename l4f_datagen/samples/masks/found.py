"""Finds which values of mask files are foreground: all files of a set together tell, or the user does."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import UserError
from ...masks import HALF, IGNORED, cut
from ..reading import Reading
from .classes import Classes, distinct, named, parse
from .file import COLOUR, Kind, MaskFile
from .meaning import Meaning

_MANY = 1000
"""More values than any set of classes has; what comes after them is not looked at."""
_WHITE, _DEEP_WHITE, _NEARLY_BLACK = 250, 64_000, 5
_SOFT_VALUES = 5
"""Black and white with a soft edge has at least this many values."""
_SPREAD_VALUES = 3
"""Background, foreground and ignored; a compressed mask with more values was changed by its compression."""
_LARGEST_CLASS = 183
"""The largest class index of any usual data set, that of COCO-Stuff."""
_MIDDLE = range(64, _WHITE)
"""Greys that, beside black and white, may be a third class, the unknown of a trimap, or ignored."""


@dataclass
class _Group:
    """Values of files of one kind, gathered."""

    values: set[int] = field(default_factory=set)
    files: int = 0
    lossy: bool = False
    shares: bool = True
    narrow: bool = False
    """Some file has 8 bits."""

    def add(self, file: MaskFile) -> None:
        self.files += 1
        self.narrow |= not file.wide
        self.shares &= file.shares
        self.lossy |= file.lossy
        if len(self.values) < _MANY:
            self.values |= distinct(file.values)

    @property
    def deep(self) -> bool:
        """Whether white is 65535."""
        return 255 < max(self.values, default=0) < COLOUR


class Found:
    """Values of all masks of a set, gathered; ``meaning`` says what they mean."""

    def __init__(self):
        self._groups: dict[bool, dict[Kind, _Group]] = {by: {} for by in (False, True)}
        self._cut_out = self._cut_out_greys = 0
        self._unlike: list[str] = []

    def add(self, file: MaskFile, name: str = "") -> None:
        """Take in one mask."""
        self._cut_out += file.cut_out
        self._cut_out_greys += file.cut_out and file.kind == "grey"
        if file.cut_out and file.kind == "grey" and _differs(file):
            self._unlike.append(name)
        for by_transparency, groups in self._groups.items():
            seen = file.by_transparency() if by_transparency else file
            groups.setdefault(seen.kind, _Group()).add(seen)

    def meaning(self, subject: str, reading: Reading) -> tuple[Meaning, list[str]]:
        """What the values mean: as the user says, or as it must be. And what was concluded, for people.

        0 is background. With one more value that is foreground; with 255 besides, 255 is ignored. Black and white with
        soft edges, or that compression has changed, are cut at half.

        Raises:
            UserError: that is not clear, what the user says does not occur, or there is no foreground at all.
        """
        if self._unlike:
            raise UserError(
                subject, got=f"{self._unlike[0]}, whose transparency and whose greys are different masks",
                expected="one mask in a file", remedy="store the right one as a grey picture",
            )  # fmt: skip
        # Of palettes their transparency is asked where nobody says what their indices are.
        counted = self._cut_out if reading.foreground is None and not reading.stored else self._cut_out_greys
        cut_out = counted > 0
        groups = self._groups[cut_out]
        notes = [f"the transparency of {counted} masks is what was read"] if cut_out else []
        if reading.stored:
            return Meaning(Classes(frozenset()), None, cut_out=cut_out, stored=True, text="class indices"), notes
        if reading.foreground is not None:
            index, grey = _as_given(subject, groups, reading.foreground, reading)
        else:
            index = _as_it_must_be(subject, groups.get("index"), "index", reading)
            grey = _as_it_must_be(subject, groups.get("grey"), "grey", reading)
            assert index is not None, "only greys are cut at half"
        seen = groups.get("grey", _Group())
        if grey is None and seen.deep and seen.narrow:
            raise UserError(
                subject, got="soft masks of 8 bits beside such of 16", expected="the same in all files",
                remedy="store them alike",
            )  # fmt: skip
        if grey is None:
            notes.append(_told_cut(seen))
        self._check_not_empty(subject, groups, index, grey, reading)
        texts = [str(index)] * ("index" in groups) + [_of_grey(grey)] * ("grey" in groups)
        texts = texts or [str(Classes(frozenset({1})))]
        soft = grey is None and not seen.lossy
        text = "; ".join(dict.fromkeys(texts))
        return Meaning(index, grey, soft=soft, cut_out=cut_out, deep=seen.deep, text=text), notes

    def _check_not_empty(
        self, subject: str, groups: dict[Kind, _Group], index: Classes, grey: Classes | None, reading: Reading
    ) -> None:
        there = 1 in groups.get("bits", _Group()).values or bool(
            index.foreground & groups.get("index", _Group()).values
        )
        if "grey" in groups:
            values = groups["grey"].values
            half = 256 * cut(HALF.threshold) if groups["grey"].deep else cut(HALF.threshold)
            there |= any(v >= half for v in values) if grey is None else bool(grey.foreground & values)
        if there or reading.allow_empty or reading.predicted:
            return
        values = set().union(*(group.values for group in groups.values()))
        raise UserError(
            subject, got=f"no foreground: masks that hold the values {named(values)}",
            expected="foreground in at least one of them",
            remedy=f"check the masks; name other values with {reading.flag}, or insist with {reading.insist}",
        )  # fmt: skip


def _as_given(
    subject: str, groups: dict[Kind, _Group], words: Sequence[str], reading: Reading
) -> tuple[Classes, Classes | None]:
    """Classes of indices and of greys, of which ``words`` name those that are foreground."""
    foreground = frozenset(parse(text, reading.flag) for text in words)
    values = set().union(*(group.values for group in groups.values()))
    values |= {255} if 1 in groups.get("bits", _Group()).values else set()
    if (absent := foreground - values) and not reading.predicted and not (reading.allow_empty and values <= {0}):
        raise UserError(
            reading.flag.lstrip("-"), got=f"{named(absent)}, which no mask holds",
            expected=f"values that occur: {named(values)}", remedy=f"change {reading.flag}",
        )  # fmt: skip
    grey = groups.get("grey", _Group())
    if grey.lossy and len(grey.values) > _SPREAD_VALUES:
        if foreground == {255}:
            return Classes(foreground), None
        raise UserError(
            subject, got=f"compressed masks, which hold the values {named(grey.values)}",
            expected=f"PNG files for {reading.flag}", remedy="store the masks without loss",
        )  # fmt: skip
    ignored = frozenset({IGNORED}) - foreground
    index = groups.get("index", _Group())
    return Classes(foreground, ignored & index.values), Classes(foreground, ignored & grey.values)


def _as_it_must_be(subject: str, group: _Group | None, kind: Kind, reading: Reading) -> Classes | None:
    if group is None:
        return Classes(frozenset({1}))
    values, others = group.values, group.values - {0}
    if kind == "grey" and reading.values == "grey":
        _check_no_colours(subject, values, reading)
        return None
    if not others:
        return Classes(frozenset({1}))
    if others <= {1, IGNORED} and (1 in others or reading.values == "index" or (kind == "index" and 0 not in values)):
        return Classes(frozenset({1}), frozenset(others - {1}))
    if kind == "grey" and reading.values == "auto":
        if group.lossy and len(values) > _SPREAD_VALUES and cut(HALF.threshold) <= max(values) < COLOUR:
            return None
        if group.shares or _is_soft(group) or (reading.predicted and others == {255}):
            return None
    foreground = others - {IGNORED} if len(others) > 1 else others
    trimap = kind == "grey" and len(others) == 2 and IGNORED in others and bool(others & set(_MIDDLE))
    if len(foreground) != 1 or trimap or 0 not in values or reading.values == "index":
        raise _not_clear(subject, values, reading)
    return Classes(frozenset(foreground), frozenset(others - foreground))


def _is_soft(group: _Group) -> bool:
    """Whether greys are black and white with soft edges: nearly black, white, and something between."""
    values, white = group.values, _DEEP_WHITE if group.deep else _WHITE
    if len(values) < _SOFT_VALUES or min(values) > _NEARLY_BLACK or not white <= max(values) < COLOUR:
        return False
    between = {value for value in values if _NEARLY_BLACK < value < white}
    if not between:  # 255 alone beside a few classes would be ignored pixels
        return sum(value >= white for value in values) > 1
    if group.deep:
        return True
    numbered = {1, 2, 3} <= values and max(between) < _LARGEST_CLASS
    return any(value in _MIDDLE for value in between) and not numbered


def _check_no_colours(subject: str, values: set[int], reading: Reading) -> None:
    if max(values, default=0) >= COLOUR:
        raise _not_clear(subject, values, reading)


def _not_clear(subject: str, values: set[int], reading: Reading) -> UserError:
    soft = ", or --alphas if these are soft masks" if len(values) > 50 and reading.flag == "--foreground-values" else ""
    grey = ", or --values grey to cut them at half" if max(values) < COLOUR else ""
    return UserError(
        subject, got=f"masks that hold the values {named(values)}",
        expected="0 and one more value, besides 255 for ignored pixels",
        remedy=f"say which are foreground with {reading.flag}{soft}{grey}",
    )  # fmt: skip


def _told_cut(group: _Group) -> str:
    why = "which compression changed" if group.lossy else "soft at their edges"
    return f"{group.files} grey masks, {why}, were cut at half"


def _of_grey(classes: Classes | None) -> str:
    return "white, cut at half" if classes is None else str(classes)


def _differs(file: MaskFile) -> bool:
    """Whether greys and transparency are two masks that differ by more than strays."""
    if (
        file.transparency is None
        or file.values.max(initial=0) >= COLOUR
        or len(distinct(file.values)) > _SOFT_VALUES
        or file.lossy
    ):
        return False
    grey, seen = file.values >= cut(HALF.threshold), file.transparency >= cut(HALF.threshold)
    return bool(grey.any() and not grey.all() and (grey != seen).mean() > 0.01)
