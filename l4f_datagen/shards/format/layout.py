"""Names of the files of a data set folder."""

import re

DATASET = "dataset.json"
CARD = "README.md"
METADATA = "metadata.parquet"
WIDS, OPENCLIP, TIMM = "wids.json", "sizes.json", "_info.json"
CHECKSUMS = "SHA256SUMS"
HEAD = (DATASET, CARD)
"""Files that are written first."""
INDEXES = (METADATA, WIDS, OPENCLIP, TIMM)
FINAL = (*INDEXES, CHECKSUMS)
"""Files that are written when the last shard is done, and are absent before."""
STATS, ROWS = "_stats.json", "_rows.pq"
_MOST_DIGITS = 18
_OF_SHARD = re.compile(r"([0-9]{5,})[._]")


def tar(shard: int) -> str:
    """The samples of a shard."""
    return f"{shard:05d}.tar"


def parquet(shard: int, *, older: bool = False) -> str:
    """The metadata rows of a shard, Parquet. Older data sets have another name for them (``naming``)."""
    return f"{shard:05d}{'.parquet' if older else ROWS}"


def index(shard: int) -> str:
    """Offsets of the members of a shard, for DALI."""
    return f"{shard:05d}.idx"


def stats(shard: int) -> str:
    """Counts and checksums of a shard; written last, so a shard without it does not exist."""
    return f"{shard:05d}{STATS}"


def shard_of(name: str) -> int | None:
    """The shard that a file, temporary or not, belongs to; None for files over all shards."""
    found = _OF_SHARD.match(name)
    # More digits than any shard has: whatever it is, it is none of ours.
    return int(found[1]) if found and len(found[1]) <= _MOST_DIGITS else None


def is_of(name: str, shards: range | None) -> bool:
    """Whether a file belongs to one of these shards; None stands for all shards and the files over them."""
    return shards is None or shard_of(name) in shards


def of_shard(shard: int, *, older: bool = False) -> tuple[str, str, str, str]:
    """All files of a shard, the one that declares it done first."""
    return stats(shard), tar(shard), parquet(shard, older=older), index(shard)
