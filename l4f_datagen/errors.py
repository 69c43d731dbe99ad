"""What can go wrong, split by who can mend it. No message holds the keys of an address."""

from .addresses import hidden


class UserError(Exception):
    """A user's mistake: one line that says what was got, what was expected and what to do. Exit 2."""

    def __init__(self, subject: str, *, got: object, expected: str, remedy: str):
        self.subject, self.got, self.expected, self.remedy = (hidden(str(p)) for p in (subject, got, expected, remedy))
        line = f"{self.subject}: got {self.got}; expected {self.expected}; {self.remedy}"
        super().__init__(" ".join(line.split()))

    def __reduce__(self):
        # Pickle would call the class with the line alone.
        return _rebuild, (type(self), self.subject, self.got, self.expected, self.remedy)


def _rebuild(kind: type[UserError], subject: str, got: str, expected: str, remedy: str) -> UserError:
    return kind(subject, got=got, expected=expected, remedy=remedy)


class WorkError(Exception):
    """Work that failed for a reason outside the settings, a full disk say. Exit 1."""

    def __init__(self, *parts: object):
        super().__init__(*(hidden(part) if isinstance(part, str) else part for part in parts))
