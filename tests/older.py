"""Data sets as they were before their settings said what mask files hold, and rows of shards were called otherwise."""

import json
from pathlib import Path

from l4f_datagen.mask_files.values import SETTING
from l4f_datagen.shards import naming
from l4f_datagen.shards.format import layout, sealed


def as_before(folder: Path) -> None:
    """Make a data set with palettes, complete or not, one of the second version: nothing else tells them apart."""
    description = json.loads((folder / layout.DATASET).read_bytes())
    assert description["settings"].pop(SETTING) == "palette" and SETTING not in description["identity"]
    assert description.pop(naming.SETTING) == naming.ROWS
    (folder / layout.DATASET).write_bytes(sealed.seal(description | {"version": 2}))
    for path in folder.glob(f"*{naming.ROWS}"):
        shard = layout.shard_of(path.name)
        assert shard is not None
        path.rename(folder / layout.parquet(shard, older=True))
        if (stats := folder / layout.stats(shard)).exists():
            said = json.loads(stats.read_bytes())
            files = {layout.parquet(shard, older=True) if k == path.name else k: v for k, v in said["files"].items()}
            stats.write_bytes(sealed.seal(said | {"files": files}))
    sums = folder / layout.CHECKSUMS
    if sums.exists():
        sums.unlink()


def kinds(folder: Path) -> set[int]:
    """Colour types of the mask files of a data set: 0 grey, 3 with a palette."""
    import l4f_datagen as l4f

    return {members["mask.png"][25] for _, members in l4f.open_dataset(folder).members()}
