"""Numbers and ranges of numbers as people write them: "3", or "0-2,7"."""

import re

_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


def chosen_numbers(text: str, most: int) -> tuple[int, ...]:
    """The numbers that "3" or "0-2,7" stand for, in that order; ValueError where it is no such text, or too many."""
    chosen: list[int] = []
    for part in text.split(","):
        found = _RANGE.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not 0 <= last - first < most - len(chosen):
            raise ValueError(f"numbers and ranges such as 0-2,7, at most {most} of them")
        chosen += range(first, last + 1)
    return tuple(chosen)
