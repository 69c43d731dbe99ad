"""Which shards of a folder are finished and sound, judged by one listing, their stats, and a few bytes."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from ..storage.store import Store
from . import naming
from .damage import Damaged
from .format import layout, stats
from .format.descriptions import Lengths
from .format.tar import BLOCK
from .format.untar import NotPlainTar, first_name

_ASKING = 16  # files read at a time: behind an address each takes a round trip
_PARQUET = b"PAR1"


def look(
    store: Store, lengths: Mapping[int, int], *, fingerprint: str | None = None, closely: bool = False
) -> dict[int, Damaged | None]:
    """Look at all shards that have stats: shard → what is wrong with it, or None.

    Args:
        lengths: how many samples each shard should have, by number; other shards are passed over.
        fingerprint: of the data set's settings; a shard with another fingerprint is wrong.
        closely: also look at the first and last bytes of every file, if it lies on this machine.
    """
    sizes = store.listing()
    numbers = (layout.shard_of(name) for name in sizes if name.endswith(layout.STATS))
    begun = sorted(n for n in numbers if n is not None and n in lengths and layout.stats(n) in sizes)
    with ThreadPoolExecutor(_ASKING) as executor:
        problems = executor.map(lambda shard: _problem(store, shard, lengths, sizes, fingerprint, closely), begun)
        return {shard: problem for shard, problem in zip(begun, problems, strict=True) if problem is not _GONE}


_GONE = Damaged("", "not finished")


def _problem(
    store: Store,
    shard: int,
    lengths: Mapping[int, int],
    sizes: Mapping[str, int],
    fingerprint: str | None,
    closely: bool,
) -> Damaged | None:
    name = layout.stats(shard)
    try:
        found = stats.read(store, shard)
    except FileNotFoundError:
        return _GONE
    except Damaged as error:
        return error
    if fingerprint is not None and found.get("fingerprint", fingerprint) != fingerprint:
        return Damaged(store.where(name), f"shard {shard} of another data set")
    if found["samples"] != lengths[shard]:  # the data set has grown since
        return _GONE
    for name in naming.files_of(store, shard)[1:]:
        wanted = found["files"][name]["bytes"]
        if name not in sizes:
            return Damaged(store.where(name), "missing")
        if sizes[name] != wanted:
            return Damaged(store.where(name), f"{sizes[name]} bytes; {wanted} were written")
    return _look_closely(store, shard, lengths) if closely and store.near else None


def _look_closely(store: Store, shard: int, lengths: Mapping[int, int]) -> Damaged | None:
    tar, parquet, index = layout.tar(shard), naming.rows_of(store, shard), layout.index(shard)
    try:
        with store.open(tar) as file:
            key = first_name(file.read(BLOCK)).partition(".")[0]
        if isinstance(lengths, Lengths) and key != (wanted := f"{lengths.indices(shard)[0]:09d}"):
            return Damaged(store.where(tar), f"it begins with sample {key}, not {wanted}")
        with store.open(parquet) as file:
            begin = file.read(len(_PARQUET))
            file.seek(-len(_PARQUET), 2)
            if not begin == file.read() == _PARQUET:
                return Damaged(store.where(parquet), "no Parquet file")
        with store.open(index) as file:
            if file.read(16).split(b"\n")[0].split() != [b"v1.2", b"%d" % lengths[shard]]:
                return Damaged(store.where(index), f"not the places of {lengths[shard]} samples")
    except NotPlainTar as error:
        return Damaged(store.where(tar), error)
    except FileNotFoundError as error:
        return Damaged(str(error.filename), "missing")
    return None
