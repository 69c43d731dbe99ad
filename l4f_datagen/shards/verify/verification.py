"""A data set folder is read to its last byte, and its files are compared with each other."""

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ...documents import Unreadable, read_json
from ...mask_files.values import BEFORE, SETTING, of_description
from ...settings import fingerprint
from ...short import short
from ...storage import atomic
from ...storage.opening import open_store
from ...storage.store import Store
from .. import folder, naming
from ..format import descriptions, layout, sealed
from .indexes import IndexChecks
from .mixtures import ArithmeticCheck
from .shard import ShardCheck, check_shard

_NUMBERED = re.compile(r"([0-9]{5,18})[._].+")
_LOOKED_FOR = (".tar", ".parquet", ".idx", layout.STATS, layout.ROWS)
"""Ends of names by which loaders find the files of a data set."""


class Finding(NamedTuple):
    """Something that is wrong with a data set."""

    shard: int | None
    """Number of the shard; None for files over all shards."""
    file: str
    problem: str


@dataclass
class Verification:
    """What ``verify`` found."""

    place: str
    shards: int = 0
    """Number of shards that were looked at."""
    samples: int = 0
    """Number of samples that there should be."""
    decoded: int = 0
    """Number of shards whose images, masks and codes were decoded, too."""
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is worth knowing and no problem, a line each."""
    digests: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    """Sizes and checksums that the intact stats of the bad shards hold, by shard and file."""

    @property
    def bad_shards(self) -> list[int]:
        """Shards with a finding, in order."""
        return sorted({finding.shard for finding in self.findings if finding.shard is not None})


def verify(
    place: str | Path | Store,
    *,
    decode: bool | Container[int] = True,
    report: Callable[[int, int], None] = lambda done, shards: None,
) -> Verification:
    """Read every byte of a data set folder and tell what is wrong. Memory does not grow with its size.

    Args:
        decode: also look into every member, of all shards or of these; else only checksums, structure, rows and
            indexes are held against each other.
        report: called with the shards that are done and all of them.

    Raises:
        UserError: there is no data set.
    """
    store = open_store(place)
    sizes = store.listing()
    older = naming.is_older(store)
    numbered = {shard for name in sizes if (shard := _shard_of(name, older)) is not None}
    if layout.DATASET not in sizes and not numbered:
        folder.read_description(store)
    found = Verification(str(store))
    description = _read_description(store, found)
    if description and _of_others(store, description, sizes):
        found.findings.append(Finding(None, layout.DATASET, "of another data set than all shards, by their stats"))
        description = None
    lengths = folder.shard_lengths(description) if description else dict.fromkeys(sorted(numbered))
    arithmetics = ArithmeticCheck(description)
    indexes = IndexChecks(store, sizes, description, lengths)
    for done, (shard, length) in enumerate(lengths.items()):
        report(done, len(lengths))
        looked_into = decode if isinstance(decode, bool) else shard in decode
        if shard in numbered:
            check = check_shard(store, shard, length, description, decode=looked_into)
        else:  # of very many that are still to be made nothing need be asked
            missing = [(name, "missing") for name in layout.of_shard(shard, older=older)]
            check = ShardCheck(shard, missing, older=older)
        found.decoded += bool(looked_into and description)
        _take(found, check)
        arithmetics.add(shard, check.stats)
        indexes.add(check, length)
    found.shards, found.samples = len(lengths), sum(length or 0 for length in lengths.values())
    found.findings += [Finding(layout.shard_of(name), name, problem) for name, problem in indexes.close()]
    found.findings += [Finding(layout.shard_of(name), name, problem) for name, problem in arithmetics.problems]
    found.notes += arithmetics.notes()
    _look_at_strangers(store, sizes, lengths, found)
    return found


def _look_at_strangers(store: Store, sizes: Mapping[str, int], lengths: Container[int], found: Verification) -> None:
    """Tell of what else is in the folder: what a loader would take for a part of the data set is wrong there."""
    older = naming.is_older(store)
    for name in sorted(sizes):
        shard = _shard_of(name, older)
        if shard is not None and shard not in lengths:
            found.findings.append(Finding(shard, name, f"beyond the {found.shards} shards of the data set"))
        elif name.startswith(".") and name.endswith(atomic.SUFFIX):
            found.findings.append(Finding(None, name, "left by a run that was killed, or of one that is under way"))
        elif name.endswith(_LOOKED_FOR) and shard is None and name != layout.METADATA:
            found.findings.append(Finding(None, name, "no file of this data set, and loaders would read it: remove it"))
        elif shard is None and name not in (*layout.HEAD, *layout.FINAL):
            found.notes.append(f"{short(name)} is no file of the data set")
    found.notes += [f"{short(name)} is no file of the data set" for name in sorted(store.folders())]


def _of_others(store: Store, description: Mapping[str, Any], sizes: Mapping[str, int]) -> bool:
    """Whether shards tell which data set they are of, and not one of them is of this."""
    others = 0
    for name in sorted(
        name for name in sizes if (shard := layout.shard_of(name)) is not None and name == layout.stats(shard)
    ):
        content = store.read_bytes(name)
        if sealed.holds(content):
            fingerprint = read_json(content, name).get("fingerprint", description["fingerprint"])
            if fingerprint == description["fingerprint"]:
                return False
            others += 1
    return others > 0


def _shard_of(name: str, older: bool) -> int | None:
    """The shard whose file this is, exactly as such a file is called."""
    match = _NUMBERED.fullmatch(name)
    return int(match[1]) if match and name in layout.of_shard(int(match[1]), older=older) else None


def _take(found: Verification, check: ShardCheck) -> None:
    problems = check.problems
    if {name for name, problem in problems if problem == "missing"} >= set(check.files):
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
        assert description["format"] == folder.FORMAT and description["version"] in descriptions.VERSIONS
        problem = descriptions.problem_of(description)
        problems += [problem] if problem else _contradictions(description)
    except (Unreadable, KeyError, AssertionError):
        problem = "not the description of a data set that this version knows"
        problems.append(problem)
    found.findings += [Finding(None, layout.DATASET, problem) for problem in problems]
    return description if problem is None else None


def _contradictions(description: Mapping[str, Any]) -> list[str]:
    """Contradictions within a description, a line each."""
    settings, identity, counts = (description[name] for name in ("settings", "identity", "counts"))
    pairs = {"fingerprint": (description["fingerprint"], fingerprint(identity))}
    pairs["n"] = (settings.get("n", counts["samples"]), counts["samples"])
    pairs["shards"] = (counts["shards"], -(-counts["samples"] // settings["samples_per_shard"]))
    pairs[SETTING] = (of_description(description), identity.get(SETTING, BEFORE))
    for name in settings.keys() & identity.keys() - {"device", SETTING}:
        pairs[name] = (settings[name], identity[name])
    for name, checkpoint in description["checkpoints"].items():
        pairs[f"{name}_sha256"] = (checkpoint["sha256"], identity[f"{name}_sha256"])
    if "device" in settings:
        pairs["device"] = (settings["device"].partition(":")[0], identity["device"])
    return [
        f"{name} is {short(one, quotes=True)} and {short(other, quotes=True)}"
        for name, (one, other) in sorted(pairs.items())
        if one != other
    ]
