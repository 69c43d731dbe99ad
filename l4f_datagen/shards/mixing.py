"""One data set, one arithmetic: shards that another arithmetic would make are refused, unless somebody insists."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import UserError
from ..storage.store import Store
from .format import arithmetic
from .format.arithmetic import Arithmetic
from .ranges import as_ranges

logger = logging.getLogger(__name__)

_REMEDY = (
    "use the same versions on the same kind of processor, or another folder; --allow-mixed continues all the same, "
    "and says so in the shards' stats"
)


def refuse_mixture(
    store: Store, description: Mapping[str, Any], done: Iterable[int], here: Arithmetic, *, allow_mixed: bool
) -> None:
    """Raise ``UserError`` where shards made here would differ from those of the data set; warn where nobody can know.

    Args:
        description: content of ``dataset.json``.
        done: the finished shards.
        here: the arithmetic that would make more shards.
    """
    if allow_mixed or description.get(arithmetic.ALLOWED) is True:
        return
    there, unknown = arithmetic.of_dataset(description), []
    _compare(store, there, here)
    for shard, made_by, insisted in arithmetic.of_shards(store, done):
        if not insisted:
            _compare(store, made_by, here, shard)
        if made_by is None:
            unknown.append(shard)
        there = there or made_by
    if unknown:
        versions = arithmetic.different_versions(description.get("versions", {}), here.versions)
        logger.warning(
            "%s: shards %s do not tell what arithmetic made them%s; whether those made now are like them is not known",
            store, as_ranges(unknown), f" ({', '.join(versions)})" if versions else "",
        )  # fmt: skip
    elif there is not None and (versions := arithmetic.different_versions(there.versions, here.versions)):
        logger.warning("%s: %s; a probe gives the same bytes with both", store, ", ".join(versions))


def refuse_mixed(store: Store, description: Mapping[str, Any], shards: Iterable[int]) -> None:
    """Raise ``UserError`` where several arithmetics made the finished shards, and nobody insisted on it."""
    if description.get(arithmetic.ALLOWED) is True:
        return
    first = arithmetic.of_dataset(description)
    for shard, made_by, insisted in arithmetic.of_shards(store, shards):
        if made_by is None or insisted:
            continue
        first = first or made_by
        if made_by.probe != first.probe:
            raise UserError(
                str(store),
                got=f"shards made by several arithmetics: {first.difference(made_by)} for shard {shard}",
                expected="one", remedy="make them again by verify --repair, or accept them by --allow-mixed",
            )  # fmt: skip


def _compare(store: Store, there: Arithmetic | None, here: Arithmetic, shard: int | None = None) -> None:
    if there is not None and there.probe != here.probe:
        whose = "a data set" if shard is None else f"shard {shard}"
        raise UserError(
            f"out {store}", got=f"{whose} made by another arithmetic: {there.difference(here)}",
            expected="the same arithmetic, which gives the same bytes", remedy=_REMEDY,
        )  # fmt: skip
