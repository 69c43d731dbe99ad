"""Bad shards made again, from ``dataset.json`` alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..addresses import split_address
from ..errors import UserError, WorkError
from ..progress.state import Progress
from ..settings import GenerateSettings, RenderSettings, validate
from ..shards import folder as folders
from ..shards import layout, stats
from ..shards.arithmetic import Arithmetic
from ..shards.verify import Finding, Verification, verify
from ..storage.opening import open_store
from ..storage.store import Store
from .mixing import refuse_mixture


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
    """Packages of another version than the data set was made with: then, and now."""
    left: list[Finding] = field(default_factory=list)
    """What is still wrong: the shards that were made were looked into, the others before."""
    decoded: int = 0
    """Shards whose images, masks and codes were decoded, before or after."""


def repair(
    place: str | Path | Store,
    *,
    generator: str | None = None,
    alpha: str | None = None,
    found: Verification | None = None,
    allow_mixed: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Repair:
    """Make the bad shards of a data set again and write the files over all shards anew; whole shards stay.

    The card is written anew, too, if it is not the one that was written, and what killed runs left is removed.

    Args:
        generator: where its generator is now; default: where it was. Another one is refused.
        alpha: the same for its alpha network.
        found: what ``verify`` just found.
        allow_mixed: make shards by another arithmetic than that of the others.

    Raises:
        UserError: no data set, checkpoints or device are not those that it was made with, or the arithmetic is not that
            of the shards that are whole; nothing was changed.
        WorkError: ``dataset.json`` is damaged, so that nothing tells how to make a shard; nothing was changed.
    """
    store = open_store(place)
    found = found or verify(store)
    done = Repair(found)
    done.decoded = found.decoded
    if not found.findings:
        return done
    if problems := [finding.problem for finding in found.findings if finding.file == layout.DATASET]:
        raise WorkError(
            f"{store.where(layout.DATASET)} is damaged ({problems[0]}), and it alone tells how shards are made: "
            "restore it, or run the command that made the data set with another folder and take dataset.json from there"
        )
    description = folders.read_description(store)
    made = _maker(store, description, generator, alpha, report, allow_mixed) if found.bad_shards else None
    remake, wanted, probe = made or (None, description, None)
    folders.check_same(store, description, wanted)
    if probe:
        bad = set(found.bad_shards)
        whole = [shard for shard in folders.shard_lengths(description) if shard not in bad]
        refuse_mixture(store, description, whole, probe(), allow_mixed=allow_mixed)
        then, now = description["versions"], wanted["versions"]
        names = sorted({*then, *now})
        done.versions = {n: (then.get(n), now.get(n)) for n in names if then.get(n) != now.get(n)}
    _remove_bad(store, found)
    if remake:
        remake()
    else:
        folders.open_for_writing(store, {k: v for k, v in description.items() if k not in ("format", "version")})
        folders.finalize(store, description["counts"]["shards"])
    _compare(store, done, description["counts"]["shards"])
    # What was whole has been looked at, as far as was asked for; what is new is looked into in any case.
    again = verify(store, decode=set(done.made))
    done.left, done.found.notes = again.findings, again.notes
    done.decoded = again.decoded if found.decoded < found.shards else again.shards
    return done


def _maker(
    store: Store,
    description: Mapping[str, Any],
    generator: str | None,
    alpha: str | None,
    report: Callable[[Progress], None],
    allow_mixed: bool,
) -> tuple[Callable[[], object], dict[str, Any], Callable[[], Arithmetic]]:
    """What continues the data set, the description that it would have here and now, and what makes its samples."""
    common = {"report": report, "allow_mixed": allow_mixed}
    where, settings = store.where(layout.DATASET), dict(description["settings"])
    if "world" in description:
        from . import render

        rendering = validate(RenderSettings, settings, where)
        make = lambda: render.render(rendering, store, **common)  # noqa: E731
        return make, render.describe(rendering), lambda: render.arithmetic(rendering)
    if not description["checkpoints"]:
        raise UserError(
            str(store), got="images that came from elsewhere, which nothing can make again",
            expected="a data set of generate or render", remedy="import them once more",
        )  # fmt: skip
    from ..generation.stream import load_models
    from . import local

    if generator is not None and settings.get("alpha") == settings.get("generator"):
        settings["alpha"] = generator
    changed = {"generator": generator, "alpha": alpha}
    settings |= {name: value for name, value in changed.items() if value is not None}
    generating = validate(GenerateSettings, settings, where)
    try:
        models = load_models(generating)
    except UserError as error:
        if stored := [name for name, value in changed.items() if value is None and split_address(settings[name])]:
            raise UserError(
                error.subject, got=error.got, expected=error.expected,
                remedy="dataset.json holds addresses without their keys: name the whole one with "
                + " and ".join(f"--{name}" for name in stored),
            ) from error  # fmt: skip
        raise
    make = lambda: local.generate(generating, store, models=models, **common)  # noqa: E731
    return make, local.describe(generating, models), lambda: local.arithmetic(generating, models)


def _remove_bad(store: Store, found: Verification) -> None:
    for shard in found.bad_shards:
        folders.remove_shard(store, shard)
    store.remove(*layout.FINAL)
    if any(finding.file == layout.CARD for finding in found.findings):
        store.remove(layout.CARD)
    store.sync()


def _compare(store: Store, done: Repair, shards: int) -> None:
    """Hold what was made against what the stats of the bad shards said."""
    done.made = [shard for shard in done.found.bad_shards if shard < shards]
    for shard in done.made:
        if shard not in done.found.digests:
            done.unknown.append(shard)
            continue
        files = stats.read(store, shard)["files"]
        done.different += [name for name, file in done.found.digests[shard].items() if files[name] != file]
