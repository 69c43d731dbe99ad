"""A data set folder as a whole: what it is, which shards are done, when it is complete."""

import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..addresses import hidden_within
from ..errors import UserError
from ..settings import same
from ..settings.sharded import Sharded
from ..storage.opening import open_store
from ..storage.store import Store
from . import complete, finished, naming
from .format import card, checksums, descriptions, index, layout, sealed
from .format.descriptions import FORMAT, VERSION, Lengths

logger = logging.getLogger(__name__)


def open_for_writing(
    place: str | Path | Store,
    description: Mapping[str, Any],
    *,
    overwrite: bool = False,
    shards: range | None = None,
) -> None:
    """Create a data set folder, or continue the one that is there.

    Args:
        description: content of ``dataset.json`` without format and version: ``settings``, ``identity``
            (``settings.identity``), ``checkpoints``, ``versions``, ``counts``, and where they apply
            ``world``, ``source`` (of imported images), ``backgrounds`` and ``reference``.
        overwrite: remove a data set with other settings, its files only, and start anew.
        shards: the shards that this process will write, when others write into the same folder; any of them may
            create it. None stands for all.

    Raises:
        UserError: it is no folder, cannot be written, or holds another program's files or another data set.
        Damaged: ``dataset.json`` cannot be used.
    """
    store = open_store(place)
    store.make_writable()
    store.remove_unfinished(functools.partial(layout.is_of, shards=shards))
    description = hidden_within({"format": FORMAT, "version": VERSION, naming.SETTING: naming.ROWS, **description})
    if not store.exists(layout.DATASET):
        _refuse_foreign(store)
    elif overwrite:
        _remove_dataset(store, read_description(store))
    # dataset.json makes it a data set, and the first one that arrives says of which settings.
    if store.create_bytes(layout.DATASET, sealed.seal(description)):
        _write_card(store, description)
        return
    existing = read_description(store)
    check_same(store, existing, description)
    if existing["counts"]["samples"] == description["counts"]["samples"]:
        if not store.listing().get(layout.CARD):  # or it is empty
            _write_card(store, existing)
        return
    # What tells of all samples is about to be untrue.
    store.remove(*layout.FINAL)
    description = {**description, **{name: existing[name] for name in ("version", "versions")}}
    description[naming.SETTING] = existing.get(naming.SETTING)
    if naming.of_description(existing):
        del description[naming.SETTING]
    _write_card(store, description)
    store.write_bytes(layout.DATASET, sealed.seal(description))


def read_description(place: str | Path | Store) -> dict[str, Any]:
    """``dataset.json`` of a folder.

    Raises:
        UserError: there is none, or it is not ours.
        Damaged: it is, and not as it was written.
    """
    return descriptions.read(open_store(place))


def done_shards(place: str | Path | Store, samples: Mapping[int, int]) -> list[int]:
    """The finished ones of these shards (number → number of samples), judged by one listing and their stats."""
    return [shard for shard, problem in finished.look(open_store(place), samples).items() if problem is None]


def shard_lengths(description: Mapping[str, Any]) -> Lengths:
    """How many samples each shard of a data set with this ``dataset.json`` has."""
    return descriptions.lengths(description)


def shard_done(place: str | Path | Store, shard: int, samples: int) -> bool:
    """Whether a shard is finished with that many samples, its files as long as its stats say."""
    return done_shards(place, {shard: samples}) == [shard]


def remove_shard(place: str | Path | Store, shard: int) -> None:
    """Remove what is left of a shard that is to be made again, its stats first."""
    store = open_store(place)
    store.remove(*naming.files_of(store, shard))
    store.sync()


def finalize(place: str | Path | Store, shards: int) -> None:
    """Write the files over all shards once every shard is done. Those that exist and are right stay.

    Nobody else may be writing into the folder.

    Raises:
        Damaged: a shard's rows cannot be read.
    """
    store = open_store(place)
    store.remove_unfinished(lambda name: True)
    description = read_description(store)
    name, samples = index_name(description), description["counts"]["samples"]
    sizes = store.listing()
    if not sizes.get(layout.CARD):  # or it is empty
        _write_card(store, description)
    if set(layout.FINAL) <= set(sizes):
        wrong = list(complete.problems(store, shards, name, samples))
        for problem in wrong:
            logger.warning("%s is damaged: %s; made again", problem.file, problem.problem)
        if not wrong:
            return
    index.write_indexes(store, shards, name=name)


def index_name(description: Mapping[str, Any]) -> str:
    """What indexes call a data set. It is not the folder's name, so that the same settings give the same bytes."""
    return f"{FORMAT}-{description['fingerprint'][:12]}"


def _refuse_foreign(store: Store) -> None:
    foreign = sorted(name for name in (*store.listing(), *store.folders()) if not name.startswith("."))
    # Looked for once more: another process may just have made a data set of it.
    if foreign and not store.exists(layout.DATASET):
        raise UserError(
            f"out {store}",
            got=f"a folder without {layout.DATASET} that holds {foreign[0]}"
            + (f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""),
            expected="a new or empty folder, or a data set to continue",
            remedy="choose another folder",
        )


def _write_card(store: Store, description: Mapping[str, Any]) -> None:
    store.write_bytes(layout.CARD, card.render(description).encode())


def replace_card(store: Store, text: str) -> None:
    """Write another card into a data set folder; its checksum follows, where the data set is complete.

    Nobody else may be writing into the folder.
    """
    store.write_bytes(layout.CARD, text.encode())
    if store.exists(layout.CHECKSUMS):
        checksums.replace(store, layout.CARD, text.encode())


def check_same(store: Store, existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse a data set with other settings, or one of more samples.

    Raises:
        UserError: it is one.
    """
    same.check(store, "a data set", {**existing, "settings": {**Sharded.BEFORE, **existing["settings"]}}, wanted)
    have, want = existing["counts"]["samples"], wanted["counts"]["samples"]
    if want < have:
        raise UserError(
            f"n for {store}", got=want, expected=f"at least the {have} that it was begun with",
            remedy="ask for so many, choose another folder, or --overwrite to replace what is there",
        )  # fmt: skip


def _remove_dataset(store: Store, existing: Mapping[str, Any]) -> None:
    """Remove the files of a data set; anything else in the folder stays."""
    there = store.listing()
    older = naming.of_description(existing)
    of_shards = [layout.of_shard(shard, older=older) for shard in range(existing["counts"]["shards"])]
    # What says that something is finished goes first, and dataset.json last: cut short, it is an unfinished data set.
    for names in (layout.FINAL, [f[0] for f in of_shards], [n for f in of_shards for n in f[1:]], [layout.CARD]):
        store.remove(*(name for name in names if name in there))
        store.sync()
    store.remove(layout.DATASET)
    naming.forget(store)
