"""``NNNNN_stats.json``, which a finished shard has. Every field is checked when it is read."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...documents import Unreadable, read_json
from ...short import short
from ...storage.store import Store
from ..damage import Damaged
from . import layout, sealed

MOST_BYTES = 1 << 20


def read(store: Store, shard: int) -> dict[str, Any]:
    """The stats of a shard.

    Raises:
        FileNotFoundError: there are none, which means that the shard is not finished.
        Damaged: they are not as they were written, or belong to another shard.
    """
    return parse(store.read_small(layout.stats(shard), MOST_BYTES), store.where(layout.stats(shard)), shard)


def parse(content: bytes, where: str, shard: int) -> dict[str, Any]:
    """As ``read``, from the bytes of a file."""
    try:
        found = read_json(content, where, kind=dict, most=MOST_BYTES)
        _Stats.model_validate(found)
    except Unreadable as error:
        raise Damaged(where, error.got) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Input should be ")
        raise Damaged(where, f"{short(place)}: {short(first['input'])}; expected {short(said)}") from None
    if found["shard"] != shard:
        raise Damaged(where, f"the stats of shard {found['shard']}")
    older = layout.parquet(shard, older=True) in found["files"]
    if absent := [name for name in layout.of_shard(shard, older=older)[1:] if name not in found["files"]]:
        raise Damaged(where, f"it says nothing of {absent[0]}")
    if not found["files"][layout.tar(shard)].get("md5"):
        raise Damaged(where, f"it has no MD5 of {layout.tar(shard)}")
    if not sealed.holds(content):
        raise Damaged(where, "its own checksum does not hold")
    return found


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class _File(_Part):
    bytes: int = Field(ge=0)
    sha256: str
    md5: str = ""


class _Stats(_Part):
    shard: int
    fingerprint: str = ""
    samples: int = Field(ge=1)
    rejected: dict[str, int]
    files: dict[str, _File]
    means: dict[str, float]
