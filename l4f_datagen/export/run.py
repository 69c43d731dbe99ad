"""A data set folder → a folder in another format, which appears when it is complete."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import UserError, WorkError
from ..progress.state import Progress
from ..settings import ExportSettings
from ..settings.needing import idle
from ..settings.reject_list import NothingLeft, RejectList
from ..shards.format import card
from ..shards.reader import Dataset, damage_told, open_dataset
from ..storage import atomic
from ..storage.atomic import CannotWrite
from ..storage.atomic_folders import place_for
from . import image_sets, readme
from .formats import target_of
from .item import Item
from .target import Plan


@dataclass(frozen=True)
class Export:
    """What was exported."""

    out: Path
    counts: Mapping[str, int]
    """Samples by image set."""
    left_out: int
    """Samples of the data set that a list named."""
    notes: Sequence[str]
    """What the format could not say."""


def export(
    settings: ExportSettings,
    source: str | Path,
    out: str | Path,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Export:
    """Write the data set folder ``source`` into the new or empty folder ``out``. Calls ``report`` after every sample.

    The same data set and settings give the same bytes with the same versions. ``out`` appears when it is complete:
    until then its files are in a hidden folder beside it, which the next export to ``out`` removes if this one is
    killed.

    Raises:
        UserError: the data set is not complete, ``out`` is in use, or the format cannot hold what is asked for.
        Damaged: a sample is; nothing is left.
        WorkError: the disk is full; nothing is left.
    """
    dataset = open_dataset(source)
    plan = _plan(settings, dataset)
    out, counts = place_for(out), dict.fromkeys(plan.image_sets, 0)
    hidden = out.with_name(f".{out.name}.partial")
    shards, per_shard = dataset.description["counts"]["shards"], dataset.description["settings"]["samples_per_shard"]
    with _whole_or_not_at_all(hidden, out):
        target = target_of(settings.format)(hidden, plan)
        with contextlib.closing(target):
            for made, item in enumerate(_items(dataset, settings), 1):
                if item is not None:
                    item.check()
                    target.add(item)
                    counts[item.image_set] += 1
                report(Progress((made - 1) // per_shard, shards, made, len(dataset), len(dataset)))
            if not any(counts.values()):
                raise NothingLeft("without", len(dataset))
            target.finish()
        left_out = len(dataset) - sum(counts.values())
        atomic.write_part(hidden / "README.md", readme.render(plan, target, counts, left_out=left_out).encode())
    return Export(out, counts, left_out, target.notes())


def _plan(settings: ExportSettings, dataset: Dataset) -> Plan:
    sets = image_sets.NAMES[: len(settings.split)] if settings.split else (settings.image_set,)
    allowed, asked = target_of(settings.format).MASK_VALUES, settings.mask_values
    if asked and asked not in allowed:
        raise UserError(
            "mask-values",
            got=f"{asked} for {settings.format}" + ("" if allowed else ", which has no mask files"),
            expected=" or ".join(allowed) or "no --mask-values",
            remedy="leave it out",
        )
    if "class_name" not in settings.defaults and not target_of(settings.format).NAMES_CLASS:
        raise idle("--class-name", settings.class_name, "a format whose files name the class, coco or voc say,")
    if settings.image_prefix is not None and not target_of(settings.format).NAMES_IMAGES:
        raise UserError(
            "image-prefix", got=f"one for {settings.format}, which names images by their files",
            expected="--format label-studio", remedy="leave it out",
        )  # fmt: skip
    mask_values = asked or (allowed[0] if allowed else None)
    description = dataset.description
    return Plan(settings, mask_values, sets, description, card.licence(description))


@contextlib.contextmanager
def _whole_or_not_at_all(partial: Path, out: Path) -> Iterator[None]:
    """Make the folder ``partial``; rename it to ``out`` when the block ends well, remove it when not."""
    shutil.rmtree(partial, ignore_errors=True)  # of an export that was killed
    atomic.check_folder(partial, f"out {out}")
    try:
        yield
        os.sync()  # once for all files: one by one would take longer than writing them
        with atomic.explained(out):
            partial.rename(out)
    except (CannotWrite, OSError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = error.reason if isinstance(error, CannotWrite) else error.strerror or error
        raise WorkError(
            f"export to {out} failed: {reason}; nothing was left there; mend it and run the same command again"
        ) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _items(dataset: Dataset, settings: ExportSettings) -> Iterator[Item | None]:
    """The samples in order; None in place of those that are left out."""
    without = RejectList(settings.without or ())
    per_shard = dataset.description["settings"]["samples_per_shard"]
    for index, (key, members) in enumerate(dataset.members()):
        name = image_sets.image_set(key, settings.split) if settings.split else settings.image_set
        item = Item(
            key, name, members, dataset.mask_values, partial(damage_told, dataset.store, index // per_shard, key)
        )
        yield None if without and without.names(int(key), item.metadata["candidate"]) else item
