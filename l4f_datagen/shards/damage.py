"""Damage of a data set: one error, so that every command tells it in the same words."""

from ..errors import WorkError


class Damaged(WorkError, ValueError):
    """A data set is not as it was written: a file of it, or one sample in it. Exit 1.

    Raised by whatever reads a data set. It is a ``ValueError`` too, which readers of samples have always raised.
    """

    def __init__(self, file: str, problem: object, *, sample: str | None = None, remedy: str | None = None):
        """``file`` is what a user calls it, ``store.where(name)``; the folder that it is in can be repaired."""
        self.file, self.problem, self.sample = file, problem, sample
        self.remedy = remedy or f"l4f-datagen verify --repair {file.rpartition('/')[0] or '.'} makes it again"
        what = file if sample is None else f"sample {sample} of {file}"
        super().__init__(" ".join(f"{what} is damaged: {problem}; {self.remedy}".split()))

    def __reduce__(self):
        # Pickle would call the class with the line alone.
        return _rebuild, (self.file, str(self.problem), self.sample, self.remedy)


def _rebuild(file: str, problem: str, sample: str | None, remedy: str) -> Damaged:
    return Damaged(file, problem, sample=sample, remedy=remedy)
