"""Which samples of a data set show exactly one object, as a reference that gives instances sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..instances.reference import InstanceReference
from ..settings.reject_list import RejectList
from ..shards.reader import Dataset


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
    for sample in dataset:
        candidate = sample.metadata["candidate"]
        if without.names(int(sample.key), candidate):
            continue
        reason = reference.find(sample.image, sample.key).reason(area)
        if reason is None:
            found.kept += 1
        else:
            found.rejected.setdefault(reason, []).append(f"{sample.key} {candidate}")
    return found
