"""Which candidates become samples."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from ..errors import UserError, WorkError
from ..sample import Sample
from ..settings import GenerateSettings

Reference = Callable[[np.ndarray, np.ndarray, np.ndarray], bool | str]
"""What has to agree with a sample: (image uint8 H×W×3, alpha uint8 H×W, mask uint8 H×W) → True, or False, or
the reason why not, one of few. It is called from several threads, and the same arrays have to give the same
answer. Its attribute ``identity`` (str) tells it from others; a function without has its full name."""

REFERENCE = "reference"
"""Reason of the candidates that the reference does not agree with, less the reason that it gives."""

_PASSES = {
    "min_area": lambda row, bound: row["mask_area"] >= bound,
    "max_area": lambda row, bound: row["mask_area"] <= bound,
    "max_components": lambda row, bound: row["components"] <= bound,
    "reject_border": lambda row, bound: not row["touches_border"],
    "min_decisiveness": lambda row, bound: row["decisiveness"] >= bound,
    "min_stability": lambda row, bound: row["stability"] >= bound,
}


class Filters:
    """The filters of some settings and the reference, if there is one."""

    def __init__(self, settings: GenerateSettings, reference: Reference | None = None):
        self.bounds, self.reference = settings.filters, reference

    def __bool__(self) -> bool:
        return bool(self.bounds) or self.reference is not None

    def failed(self, sample: Sample) -> list[str]:
        """Every filter that rejects a candidate; the reference is asked when no other does.

        Raises:
            TypeError: the reference answers neither with a bool nor with a reason.
        """
        names = [name for name, bound in self.bounds.items() if not _PASSES[name](sample.metadata, bound)]
        if names or self.reference is None:
            return names
        answer = self.reference(sample.image, sample.alpha, sample.mask)
        if isinstance(answer, str) and answer:
            return [f"{REFERENCE}: {answer}"]
        if not isinstance(answer, (bool, np.bool_)):
            raise TypeError(f"{reference_identity(self.reference)} answered {answer!r}, neither a bool nor a reason")
        return [] if answer else [REFERENCE]


class Tally:
    """How many candidates of a run were accepted, over all its threads."""

    LEAST_SHARE, SEEN_FIRST = 0.01, 1000
    """A run stops when less than this share passes; judged after so many candidates."""

    def __init__(self, bounds: dict[str, object]):
        self.bounds, self.drawn, self.accepted = bounds, 0, 0
        self.failed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, outcomes: Iterable[list[str]]) -> None:
        """Count candidates, each with all the filters that it failed.

        Raises:
            WorkError: too few pass; names the filter that most of them fail.
        """
        with self._lock:
            for names in outcomes:
                self.drawn += 1
                self.accepted += not names
                self.failed.update(names)
            if self.drawn < self.SEEN_FIRST or self.accepted >= self.LEAST_SHARE * self.drawn:
                return
            (name, count), *_ = self.failed.most_common(1)
            raise WorkError(
                f"{self.accepted} of {self.drawn} candidates were accepted, fewer than {self.LEAST_SHARE:.0%}: "
                f"{count} fail {name}; {self._remedy(name)}"
            )

    def _remedy(self, name: str) -> str:
        if name not in self.bounds:
            return "use another reference, or none"
        flag = f"--{name.replace('_', '-')}"
        if self.bounds[name] is True:
            return f"leave {flag} out"
        return f"{'raise' if name.startswith('max_') else 'lower'} {flag}, which is {self.bounds[name]}"


def reference_identity(reference: Reference) -> str:
    """What tells a reference from others, for the identity of a data set.

    Raises:
        UserError: it has no name of its own and does not say.
    """
    identity = getattr(reference, "identity", None) or getattr(reference, "__qualname__", None)
    if not isinstance(identity, str) or "<lambda>" in identity:
        raise UserError(
            "reference", got=f"{reference!r}, which has no name", expected="a function, or an attribute identity",
            remedy="give it an identity, such as the hash of its weights",
        )  # fmt: skip
    return identity if hasattr(reference, "identity") else f"{reference.__module__}.{identity}"
