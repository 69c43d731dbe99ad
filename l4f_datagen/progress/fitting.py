"""The parts of a line of progress, laid out for the width of a terminal."""

from collections.abc import Sequence

LEAST_BAR, LONGEST_BAR = 8, 24
"""Characters of the bar; what is left of a line is no longer bar than that."""
_FULL, _EMPTY = "━", "─"


def fitted(
    parts: Sequence[str],
    width: int,
    *,
    share: float | None = None,
    labels: Sequence[str] = (),
    drop: Sequence[int] = (),
) -> str:
    """One line of at most ``width`` characters.

    What does not fit goes in this order: a longer label for a shorter one, parts, the bar, the label.

    Args:
        parts: in the order in which they stand; the first is never dropped, at worst it is cut.
        share: of the work that is done, in [0, 1], drawn as a bar; None: no bar.
        labels: what the line is about, the longest wording first.
        drop: indices of the parts that can go, the least important first; by default the last first, but for the first.
    """
    left = list(range(len(parts)))
    order = list(drop) + [index for index in reversed(left[1:]) if index not in drop]
    wordings = [*labels, ""] if labels else [""]
    least = 0 if share is None else LEAST_BAR
    tries = [(label, left, least) for label in wordings[:-1] or [""]]
    shortest = wordings[-2] if labels else ""
    for index in order:
        left = [one for one in left if one != index]
        tries.append((shortest, left, least))
    tries += [(shortest, left, 0), ("", left, 0)]
    for label, kept, bar in tries:
        text = "  ".join(filter(None, [label, *(parts[index] for index in kept)]))
        room = width - len(text) - 2
        if bar and room >= bar:
            drawn = _bar(share or 0.0, min(room, LONGEST_BAR))
            return "  ".join(filter(None, [label, drawn, *(parts[index] for index in kept)]))
        if not bar and len(text) <= width:
            return text
    return f"{parts[0][: max(0, width - 1)]}…"


def _bar(share: float, length: int) -> str:
    done = round(length * min(1.0, max(0.0, share)))
    return _FULL * done + _EMPTY * (length - done)
