"""Bad shards are made again, from what ``dataset.json`` says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import WorkError
from ...storage.opening import open_store
from ...storage.store import Store
from .. import folder as folders
from ..format import layout, stats
from ..format.arithmetic import Arithmetic
from ..mixing import refuse_mixture
from .verification import Finding, Verification, verify


@dataclass
class Repair:
    """What ``repair`` did."""

    found: Verification
    """What was wrong before."""
    made: list[int] = field(default_factory=list)
    """Shards that were made again."""
    different: list[str] = field(default_factory=list)
    """Files that have other bytes than their shard's stats said they had."""
    unknown: list[int] = field(default_factory=list)
    """Shards whose stats could not tell what their files had been."""
    versions: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Packages whose version differs from the one that made the data set: the version then, and the one now."""
    left: list[Finding] = field(default_factory=list)
    """What is still wrong. Shards that were made again were decoded once more, the others were checked before."""
    decoded: int = 0
    """Number of shards whose images, masks and codes were decoded, before or after."""


@dataclass(frozen=True)
class Maker:
    """What can make the shards of a data set again, here and now."""

    description: Mapping[str, Any]
    """What ``dataset.json`` would say of a data set that was begun here and now."""
    make: Callable[[], object]
    """Makes the shards that are missing, and the files over all shards."""
    probe: Callable[[], Arithmetic]
    """Tells by what arithmetic it does so."""


def repair(
    place: str | Path | Store,
    maker: Callable[[Store, Mapping[str, Any]], Maker],
    *,
    found: Verification | None = None,
    allow_mixed: bool = False,
) -> Repair:
    """Make the bad shards of a data set again and write the files over all shards anew; whole shards stay.

    The card is written anew, too, if it is not the one that was written, and what killed runs left is removed.

    Args:
        maker: gives, for the folder and its ``dataset.json``, what makes its shards; asked if a shard is bad.
        found: what ``verify`` just found.
        allow_mixed: make shards by another arithmetic than that of the others.

    Raises:
        UserError: no data set, checkpoints or device are not those that it was made with, or the arithmetic is not that
            of the shards that are whole; nothing was changed.
        WorkError: ``dataset.json`` is damaged, so that nothing tells how to make a shard; nothing was changed.
    """
    store = open_store(place)
    found = found or verify(store)
    done = Repair(found, decoded=found.decoded)
    if not found.findings:
        return done
    if problems := [finding.problem for finding in found.findings if finding.file == layout.DATASET]:
        raise WorkError(
            f"{store.where(layout.DATASET)} is damaged ({problems[0]}), and it alone tells how shards are made: "
            "restore it, or run the command that made the data set with another folder and take dataset.json from there"
        )
    description = folders.read_description(store)
    making = maker(store, description) if found.bad_shards else None
    folders.check_same(store, description, making.description if making else description)
    if making:
        bad = set(found.bad_shards)
        whole = [shard for shard in folders.shard_lengths(description) if shard not in bad]
        refuse_mixture(store, description, whole, making.probe(), allow_mixed=allow_mixed)
        done.versions = _changed(description["versions"], making.description["versions"])
    _remove_bad(store, found)
    if making:
        making.make()
    else:
        folders.open_for_writing(store, {k: v for k, v in description.items() if k not in ("format", "version")})
        folders.finalize(store, description["counts"]["shards"])
    _compare(store, done, description["counts"]["shards"])
    # What was whole has been looked at, as far as was asked for; what is new is looked into in any case.
    again = verify(store, decode=set(done.made))
    done.left, done.found.notes = again.findings, again.notes
    done.decoded = again.decoded if found.decoded < found.shards else again.shards
    return done


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Packages of two versions: what they were, and what they are."""
    return {name: (then.get(name), now.get(name)) for name in sorted({*then, *now}) if then.get(name) != now.get(name)}


def _remove_bad(store: Store, found: Verification) -> None:
    for shard in found.bad_shards:
        folders.remove_shard(store, shard)
    store.remove(*layout.FINAL)
    if any(finding.file == layout.CARD for finding in found.findings):
        store.remove(layout.CARD)
    store.sync()


def _compare(store: Store, done: Repair, shards: int) -> None:
    """Compare the shards that were made with what the stats of the bad ones said."""
    done.made = [shard for shard in done.found.bad_shards if shard < shards]
    for shard in done.made:
        if shard not in done.found.digests:
            done.unknown.append(shard)
            continue
        files = stats.read(store, shard)["files"]
        done.different += [name for name, file in done.found.digests[shard].items() if files[name] != file]
