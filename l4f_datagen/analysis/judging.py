"""Which samples of a data set show exactly one object, as a reference that gives instances sees it."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..instances.reference import InstanceReference
from ..overlap import ordered_map
from ..sample import Sample
from ..settings.reject_list import RejectList
from ..shards.reader import Dataset

_AHEAD = 4
"""Samples that are read while the reference looks at those before them."""


@dataclass
class Verdicts:
    """What a reference says of the samples."""

    kept: int = 0
    """Samples of exactly one object."""
    rejected: dict[str, list[str]] = field(default_factory=dict)
    """By reason the others, as entries of a list: key and candidate."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of samples by verdict."""
        return {"kept": self.kept, **{reason: len(names) for reason, names in sorted(self.rejected.items())}}

    @property
    def entries(self) -> list[str]:
        """All that are rejected, in order."""
        return sorted(name for names in self.rejected.values() for name in names)


def judge(dataset: Dataset, reference: InstanceReference, *, area: float, without: RejectList) -> Verdicts:
    """Ask a reference about the composite of every sample.

    Args:
        area: share of the pixels from which an instance is an object.
        without: samples that are not asked about.

    Raises:
        UserError: the reference is of other images.
        Damaged: a sample is.
    """
    found = Verdicts()
    reference.check([f"{index:09d}" for shard in dataset.lengths for index in dataset.wanted(shard)])
    asked = (one for one in dataset if not without.names(int(one.key), one.metadata["candidate"]))

    def ask(sample: Sample) -> tuple[str, str | None]:
        reason = reference.find(sample.image, sample.key).reason(area)
        return f"{sample.key} {sample.metadata['candidate']}", reason

    # The reference looks at a sample in a thread of its own, while the next one is read and decoded.
    with contextlib.closing(ordered_map(ask, asked, workers=1, ahead=_AHEAD)) as answers:
        for entry, reason in answers:
            if reason is None:
                found.kept += 1
            else:
                found.rejected.setdefault(reason, []).append(entry)
    return found
