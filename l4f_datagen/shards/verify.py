"""A data set folder, read to its last byte and held against itself."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..documents import Unreadable, read_json
from ..settings import fingerprint
from . import atomic, descriptions, folder, layout, sealed
from .store import Store, open_store
from .verify_indexes import IndexChecks
from .verify_shard import ShardCheck, check_shard

_OF_SHARD = re.compile(r"(\d{5,})(?:\.tar|\.parquet|\.idx|_stats\.json)")


class Finding(NamedTuple):
    """Something that is wrong with a data set."""

    shard: int | None
    """None: of no single shard."""
    file: str
    problem: str


@dataclass
class Verification:
    """What ``verify`` found."""

    place: str
    shards: int = 0
    """Shards that were looked at."""
    samples: int = 0
    """Samples that there should be."""
    findings: list[Finding] = field(default_factory=list)
    digests: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    """Sizes and checksums that the intact stats of the bad shards hold, by shard and file."""

    @property
    def bad_shards(self) -> list[int]:
        """Shards with a finding, in order."""
        return sorted({finding.shard for finding in self.findings if finding.shard is not None})


def verify(
    place: str | Path | Store, *, decode: bool = True, report: Callable[[int, int], None] = lambda done, shards: None
) -> Verification:
    """Read every byte of a data set folder and tell what is wrong. Memory does not grow with its size.

    Args:
        decode: also look into every member; else only checksums, structure, rows and indexes are held against each
            other.
        report: called with the shards that are done and all of them.

    Raises:
        UserError: there is no data set.
    """
    store = open_store(place)
    sizes = store.listing()
    numbered = {int(match[1]) for name in sizes if (match := _OF_SHARD.fullmatch(name))}
    if layout.DATASET not in sizes and not numbered:
        folder.read_description(store)
    found = Verification(str(store))
    description = _read_description(store, found)
    lengths = folder.shard_lengths(description) if description else dict.fromkeys(sorted(numbered))
    indexes = IndexChecks(store, sizes, description, lengths)
    for done, (shard, length) in enumerate(lengths.items()):
        report(done, len(lengths))
        if shard in numbered:
            check = check_shard(store, shard, length, description, decode=decode)
        else:  # of very many that are still to be made nothing need be asked
            check = ShardCheck(shard, [(name, "missing") for name in layout.of_shard(shard)])
        _take(found, check)
        indexes.add(check, length)
    found.shards, found.samples = len(lengths), sum(length or 0 for length in lengths.values())
    found.findings += [Finding(None, *problem) for problem in indexes.close()]
    for name in sorted(sizes):
        match = _OF_SHARD.fullmatch(name)
        if match and int(match[1]) not in lengths:
            found.findings.append(Finding(int(match[1]), name, f"beyond the {len(lengths)} shards of the data set"))
        elif name.startswith(".") and name.endswith(atomic.SUFFIX):
            found.findings.append(Finding(None, name, "left by a run that was killed, or of one that is under way"))
    return found


def _take(found: Verification, check: ShardCheck) -> None:
    problems = check.problems
    if {name for name, problem in problems if problem == "missing"} >= set(layout.of_shard(check.shard)):
        problems = [(layout.stats(check.shard), "no such shard: not made yet, or lost")]
    found.findings += [Finding(check.shard, *problem) for problem in problems]
    if problems and check.stats is not None:
        found.digests[check.shard] = check.stats["files"]


def _read_description(store: Store, found: Verification) -> dict[str, Any] | None:
    """``dataset.json``, if it is usable."""
    try:
        content = store.read_bytes(layout.DATASET)
    except FileNotFoundError:
        found.findings.append(Finding(None, layout.DATASET, "missing"))
        return None
    problems = []
    if not sealed.holds(content):
        problems.append("not as it was written: its own checksum does not hold")
    try:
        description = read_json(content, layout.DATASET, kind=dict)
        assert description["format"] == folder.FORMAT and description["version"] == folder.VERSION
        problem = descriptions.problem_of(description)
        problems += [problem] if problem else _contradictions(description)
    except (Unreadable, KeyError, AssertionError):
        problem = "not the description of a data set that this version knows"
        problems.append(problem)
    found.findings += [Finding(None, layout.DATASET, problem) for problem in problems]
    return description if problem is None else None


def _contradictions(description: Mapping[str, Any]) -> list[str]:
    """Where a description says two things of one."""
    settings, identity, counts = (description[name] for name in ("settings", "identity", "counts"))
    pairs = {"fingerprint": (description["fingerprint"], fingerprint(identity))}
    pairs["n"] = (settings.get("n", counts["samples"]), counts["samples"])
    pairs["shards"] = (counts["shards"], -(-counts["samples"] // settings["samples_per_shard"]))
    for name in settings.keys() & identity.keys() - {"device"}:
        pairs[name] = (settings[name], identity[name])
    for name, checkpoint in description["checkpoints"].items():
        pairs[f"{name}_sha256"] = (checkpoint["sha256"], identity[f"{name}_sha256"])
    if "device" in settings:
        pairs["device"] = (settings["device"].partition(":")[0], identity["device"])
    return [f"{name} is {one!r} and {other!r}" for name, (one, other) in sorted(pairs.items()) if one != other]
