"""Which candidates become samples: filters, and the search for the first candidate that passes them."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from threading import Event

import numpy as np

from ..errors import UserError, WorkError
from ..instances.found import BELOW_SCORE
from ..sample import Sample
from ..settings import GenerateSettings
from ..settings.reject_list import RejectList
from .latents import Candidate

Reference = Callable[[np.ndarray, np.ndarray, np.ndarray], bool | str]
"""A function that has to agree with every sample.

It takes image (uint8 H×W×3), alpha (uint8 H×W) and mask (uint8 H×W), and returns True, or False, or a short reason why
not. Several threads call it, and the same arrays have to give the same answer. Its attribute ``identity`` (str) tells
it from other references; where there is none, its full name does."""

BLOCK = 4
"""Batches' worth of samples that are looked for together: candidates of some fill the batches of others."""

REJECT_LIST = "reject_list"
"""Why a candidate is rejected that a list names."""

REFERENCE = "reference"
"""Why a candidate is rejected that the reference does not agree with; a reason of the reference's own follows it."""

_PASSES = {
    "min_area": lambda row, bound: row["mask_area"] >= bound,
    "max_area": lambda row, bound: row["mask_area"] <= bound,
    "max_components": lambda row, bound: row["components"] <= bound,
    "reject_border": lambda row, bound: not row["touches_border"],
    "min_decisiveness": lambda row, bound: row["decisiveness"] >= bound,
    "min_stability": lambda row, bound: row["stability"] >= bound,
    REJECT_LIST: lambda row, listed: not listed.names_candidate(row["index"], row["candidate"]),
}


class Filters:
    """The filters that the settings ask for, and the reference, if there is one."""

    def __init__(self, settings: GenerateSettings, reference: Reference | None = None):
        self.bounds, self.reference = settings.filters, reference
        self._listed = RejectList(settings.reject_list or ())
        self._asked = self.bounds | ({REJECT_LIST: self._listed} if settings.reject_list else {})

    def __bool__(self) -> bool:
        return bool(self.bounds) or self.reference is not None

    def failed(self, sample: Sample, before: Sequence[str] = ()) -> list[str]:
        """Every filter that rejects a candidate; the reference is asked when no other does.

        An entry of a list that names no candidate rejects the first one that all filters and the reference let pass.

        Args:
            before: why the candidates of the same index before it were rejected, one filter each.

        Raises:
            TypeError: the reference answers neither with a bool nor with a reason.
        """
        names = [name for name, bound in self._asked.items() if not _PASSES[name](sample.metadata, bound)]
        names = names or self._against_reference(sample)
        if names or not self._listed or REJECT_LIST in before:
            return names
        return [REJECT_LIST] if self._listed.names_whichever(sample.metadata["index"]) else []

    def _against_reference(self, sample: Sample) -> list[str]:
        if self.reference is None:
            return []
        answer = self.reference(sample.image, sample.alpha, sample.mask)
        if isinstance(answer, str) and answer:
            return [f"{REFERENCE}: {answer}"]
        if not isinstance(answer, (bool, np.bool_)):
            raise TypeError(f"{reference_identity(self.reference)} answered {answer!r}, neither a bool nor a reason")
        return [] if answer else [REFERENCE]


class CandidateTally:
    """How many candidates of a run were accepted, over all its threads."""

    LEAST_SHARE, SEEN_FIRST = 0.01, 1000
    """A run stops when a smaller share than this passes; it is looked at once so many candidates were drawn."""

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
        if name == f"{REFERENCE}: {BELOW_SCORE}":
            return "lower --reference-score, or use another reference"
        if name not in self.bounds:
            return "use another reference, or none"
        flag = f"--{name.replace('_', '-')}"
        if name == REJECT_LIST:
            return f"give {flag} fewer entries"
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
    if hasattr(reference, "identity"):
        return identity
    # In a process that another one started, the program is a module of another name.
    return f"{reference.__module__.replace('__mp_main__', '__main__')}.{identity}"


def with_reference(
    settings: GenerateSettings, reference: Reference | str | Path | None
) -> tuple[GenerateSettings, Reference | None]:
    """Settings and a function: a reference that is a path becomes the settings' own.

    Raises:
        UserError: there are two references.
    """
    if reference is None:
        return settings, None
    if settings.reference is not None:
        raise UserError(
            "reference", got=f"two, {settings.reference} of the settings among them", expected="one",
            remedy="leave one of them out",
        )  # fmt: skip
    if isinstance(reference, (str, Path)):
        return settings.model_copy(update={"reference": str(reference)}), None
    return settings, reference


def first_accepted(
    indices: Sequence[int],
    draw: Callable[[Sequence[Candidate]], Iterable[Sample]],
    filters: Filters,
    *,
    batch_size: int,
    tally: CandidateTally,
    stopped: Event,
) -> list[Sample]:
    """Find for every index the first of its candidates 0, 1, 2, … that passes.

    How many candidates are drawn at a time follows from the share that was accepted among ``indices`` so far, and from
    nothing else, so that every run draws the same. Candidates behind the first one that passes count nowhere.

    Args:
        indices: of the samples that are wanted.
        draw: makes of at most ``batch_size`` candidates the samples that they would become.
        tally: counts what was accepted and rejected, for the whole run.
        stopped: once it is set, the search is given up, and fewer samples are returned.

    Raises:
        WorkError: hardly any candidate of the run passes.
    """
    accepted: dict[int, Sample] = {}
    rejected: dict[int, list[str]] = {index: [] for index in indices}
    judged = 0
    while pending := [index for index in indices if index not in accepted]:
        ahead = _ahead(len(pending), batch_size, share=(len(accepted) + 1) / (judged + 2))
        wanted = [Candidate(index, len(rejected[index]) + k) for index in pending for k in range(ahead)]
        for start in range(0, len(wanted), batch_size):
            if stopped.is_set():
                return list(accepted.values())
            outcomes = []
            for candidate, sample in zip(part := wanted[start : start + batch_size], draw(part), strict=True):
                if candidate.index in accepted:
                    continue
                outcomes.append(failed := filters.failed(sample, rejected[candidate.index]))
                if failed:
                    rejected[candidate.index].append(failed[0])
                else:
                    accepted[candidate.index] = _alone(sample, rejected[candidate.index])
            judged += len(outcomes)
            tally.add(outcomes)
    return [accepted[index] for index in indices]


def _ahead(pending: int, batch_size: int, *, share: float) -> int:
    """How many candidates of each sample to draw at a time: as many as it takes to accept one, if a batch holds them.

    Args:
        pending: samples that have no accepted candidate yet.
        share: of all candidates so far, how many passed, in (0, 1).
    """
    return max(1, min(batch_size // pending, round(1 / share)))


def _alone(sample: Sample, rejected: Sequence[str]) -> Sample:
    """A copy of a sample: its own arrays are parts of its batch's, and would keep all of these in memory."""
    arrays = {f.name: getattr(sample, f.name) for f in fields(sample)}
    copies = {name: array.copy() for name, array in arrays.items() if isinstance(array, np.ndarray)}
    return replace(sample, rejected=tuple(rejected), **copies)
