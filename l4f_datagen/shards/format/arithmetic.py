"""What made a shard: the versions of packages, the kind of processor, and a probe of how they compute.

The same settings give the same bytes where the arithmetic is the same. Another kind of processor, or other versions of
torch, OpenCV or Pillow, may round otherwise, so that samples differ by some levels. A probe tells whether they do: a
checksum of samples made by the very code that makes those of a data set.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ...documents import Unreadable, read_json
from ...short import short
from ...storage.store import Store
from . import layout

KEY = "arithmetic"
"""Key of the stats of a shard, and of ``dataset.json``, that holds the arithmetic."""
ALLOWED = "allow_mixed"
"""Key of both that says that another arithmetic was insisted on."""
_ASKING = 16  # files read at a time: behind an address each takes a round trip


@dataclass(frozen=True)
class Arithmetic:
    """What computes samples. Where the probes are equal, the samples are, whatever the rest says."""

    probe: str
    """SHA-256 of what the probe gave."""
    processor: str
    """Kind of processor, for people."""
    versions: Mapping[str, str] = field(hash=False, compare=False)
    """Versions of Python and of packages, by name."""

    def as_json(self) -> dict[str, Any]:
        """As it is stored in the stats of a shard."""
        return {"probe": self.probe, "processor": self.processor, "versions": dict(self.versions)}

    def difference(self, here: "Arithmetic") -> str:
        """What differs between this arithmetic ("there") and another one ("here"), in words."""
        words = different_versions(self.versions, here.versions)
        if not words or self.processor != here.processor:
            kinds = f" ({short(self.processor)} there, {short(here.processor)} here)"
            otherwise = ", or libraries that are set otherwise"
            words.append("another kind of processor" + (kinds if self.processor != here.processor else otherwise))
        return ", ".join(words)


def different_versions(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """The packages whose versions differ, each in words."""
    names = sorted({*there, *here})
    return [
        f"{short(name)} {short(there.get(name, 'none'))} there, {short(here.get(name, 'none'))} here"
        for name in names
        if there.get(name) != here.get(name)
    ]


def stated(content: Mapping[str, Any], versions: Mapping[str, str] | None = None) -> Arithmetic | None:
    """The arithmetic that stats or ``dataset.json`` name; None where they say nothing usable.

    ``versions`` replaces those of the entry, for ``dataset.json``, which has them elsewhere.
    """
    found = content.get(KEY)
    if not isinstance(found, dict):
        return None
    probe, processor = found.get("probe"), found.get("processor")
    versions = found.get("versions") if versions is None else versions
    if not isinstance(probe, str) or not isinstance(processor, str) or not isinstance(versions, dict):
        return None
    return Arithmetic(probe, processor, {str(name): str(version) for name, version in versions.items()})


def of_dataset(description: Mapping[str, Any]) -> Arithmetic | None:
    """The arithmetic that a data set was begun with."""
    return stated(description, description.get("versions"))


def of_shards(store: Store, shards: Iterable[int]) -> Iterator[tuple[int, Arithmetic | None, bool]]:
    """For each finished shard: its number, its arithmetic (None: unknown), and whether that was insisted on."""

    def read(shard: int) -> tuple[int, Arithmetic | None, bool]:
        try:
            stats = read_json(store.read_bytes(layout.stats(shard)), layout.stats(shard), kind=dict)
        except (OSError, Unreadable):
            return shard, None, False
        return shard, stated(stats), stats.get(ALLOWED) is True

    shards = iter(shards)
    with ThreadPoolExecutor(_ASKING) as executor:
        while some := list(islice(shards, _ASKING * 4)):
            yield from executor.map(read, some)
