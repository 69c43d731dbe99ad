"""What kinds of files of a data set have in common: a small one that is made once, and how commands read it."""

import functools
import json
import shutil
import tempfile
from pathlib import Path

import l4f_datagen as l4f
from l4f_datagen.analysis import distributions
from l4f_datagen.making.render import render
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards import folder
from l4f_datagen.shards.format import card, encoding, layout, sealed
from l4f_datagen.shards.verify.verification import verify
from l4f_datagen.storage.opening import open_store

SETTINGS = RenderSettings(n=3, size=8, samples_per_shard=2)
_kept: list[tempfile.TemporaryDirectory] = []


@functools.cache
def made() -> Path:
    """A rendered data set of two shards; gone when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz-")
    _kept.append(folder)
    render(SETTINGS, Path(folder.name) / "set")
    return Path(folder.name) / "set"


def with_file(name: str, content: bytes, *, resealed: bool = False) -> Path:
    """A copy of the data set, in the folder that belongs to this case, with another file.

    ``resealed``: what is JSON gets a checksum that holds, as damage never has and an attacker's file may.
    """
    place = Path("set")
    if place.exists():
        shutil.rmtree(place)
    shutil.copytree(made(), place)
    (place / name).write_bytes(_sealed(content) if resealed else content)
    return place


def read_all(place: Path) -> None:
    """Open a data set and look at all that any command looks at."""
    dataset = l4f.open_dataset(place)
    card.render(dataset.description)
    for sample in dataset:
        encoding.encode(sample, image_format="png", quality=90, mask_values="01")
    distributions.measure(dataset)


def verify_all(place: Path) -> None:
    """``verify`` tells what is wrong, and raises nothing but of what is no data set."""
    for finding in verify(place).findings:
        assert finding.problem.isprintable() and 0 < len(finding.problem) < 3000, finding


def finish(place: Path) -> None:
    """What ``finalize`` does."""
    store = open_store(place)
    description = folder.read_description(store)
    folder.finalize(store, len(folder.shard_lengths(description)))


def stats_name() -> str:
    """The stats of the first shard."""
    return layout.stats(0)


def _sealed(content: bytes) -> bytes:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content
    return sealed.seal(value) if isinstance(value, dict) and _writable(value) else content


def _writable(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
        return True
    except (ValueError, RecursionError):
        return False
