"""What a data set calls the rows of its shards: older ones call them otherwise, and are continued as they are."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import UserError
from ..storage.store import Store
from .damage import Damaged
from .format import descriptions, layout

SETTING, ROWS = "rows", layout.ROWS
"""The entry of ``dataset.json`` that says it. Before there was one, rows were ``NNNNN.parquet``: whoever read
``*.parquet`` had each row twice, since ``metadata.parquet`` holds all of them."""
_known: WeakKeyDictionary[Store, bool] = WeakKeyDictionary()


def of_description(description: Mapping[str, Any]) -> bool:
    """Whether a data set with this ``dataset.json`` has the older names."""
    return description.get(SETTING) is None


def is_older(store: Store) -> bool:
    """Whether the data set in a folder has the older names. Where ``dataset.json`` cannot tell, its files do."""
    if store in _known:
        return _known[store]
    try:
        _known[store] = of_description(descriptions.read(store))
        return _known[store]
    except (UserError, Damaged):
        names = store.listing() if store.is_folder() else ()
        return any(shard is not None and name == layout.parquet(shard, older=True)
                   for name in names for shard in (layout.shard_of(name),))  # fmt: skip


def forget(store: Store) -> None:
    """Look again: another data set takes the place of the one that was there."""
    _known.pop(store, None)


def rows_of(store: Store, shard: int) -> str:
    """The file of a shard's rows."""
    return layout.parquet(shard, older=is_older(store))


def files_of(store: Store, shard: int) -> tuple[str, str, str, str]:
    """All files of a shard, the one that declares it done first."""
    return layout.of_shard(shard, older=is_older(store))
