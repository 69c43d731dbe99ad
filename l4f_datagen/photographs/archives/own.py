"""Tars that are shards of our own data sets: the files beside them say how they have to be, and that is checked."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...shards import finished, reader
from ...shards.damage import Damaged
from ...shards.format import descriptions, encoding, layout, sides
from ...storage.opening import open_store
from ...storage.store import Store
from .tar_index import Entry


@dataclass(frozen=True)
class OwnShard:
    """A finished shard, whose files are as long as its stats say."""

    store: Store
    number: int
    samples: range
    """Indices of its samples in the data set."""

    def entries(self) -> list[Entry]:
        """The composite of every sample.

        Raises:
            Damaged: the tar is, or it holds other samples, or one of them has no image.
        """
        places = reader.read_places(self.store, self.number, self.samples)
        return [self._entry(index, members) for index, members in zip(self.samples, places, strict=True)]

    def told(self, name: str) -> AbstractContextManager[None]:
        """A context in which an unreadable picture raises ``Damaged``, which names the sample."""
        return reader.damage_told(self.store, self.number, name.partition(".")[0])

    @staticmethod
    def check(content: bytes, name: str) -> None:
        """Raise ValueError unless the picture is whole; decoders forgive what is not."""
        extension = name.rpartition(".")[2]
        sides.of(content, extension)
        sides.check_whole(content, extension)

    def _entry(self, index: int, members: dict[str, tuple[int, int]]) -> Entry:
        extension = next((name for name in encoding.IMAGE_FORMATS if name in members), None)
        key = f"{index:09d}"
        if extension is None:
            raise Damaged(self.store.where(layout.tar(self.number)), "no image", sample=key)
        return Entry(f"{key}.{extension}", *members[extension], "file")


def is_data_set(folder: Path) -> bool:
    """Whether a folder is a data set of ours.

    Raises:
        Damaged: its ``dataset.json`` is.
        UserError: it is one of another version.
    """
    return _description(folder) is not None


def is_side_file(name: str) -> bool:
    """Whether a data set of ours has a file of this name beside its shards' tars and Parquet files."""
    number = layout.shard_of(name)
    ours = () if number is None else (*layout.of_shard(number), layout.parquet(number, older=True))
    return name in (*layout.HEAD, *layout.FINAL, *ours)


def tars_of(folder: Path) -> list[Path]:
    """All tars of a data set of ours, which has to be complete.

    Raises:
        Damaged, UserError: as ``reader.open_dataset``, of a set that is not whole.
    """
    return [folder / layout.tar(shard) for shard in reader.open_dataset(folder).lengths]


def shards_of(tars: Sequence[Path]) -> dict[Path, OwnShard]:
    """Find the shards of our own data sets among tar files. Where all tars of a folder are named, no shard may be lost.

    Raises:
        Damaged: one of them is not as it was written, or others are lost.
        UserError: one was not finished.
    """
    found: dict[Path, OwnShard] = {}
    for folder in dict.fromkeys(path.parent for path in tars):
        description = _description(folder)
        if description is not None:
            named = [path for path in tars if path.parent == folder]
            if set(folder.glob("*.tar")) <= set(named):
                tars_of(folder)
            found |= dict(_checked(folder, description, named))
    return found


def _checked(folder: Path, description: dict[str, Any], tars: Sequence[Path]) -> Iterator[tuple[Path, OwnShard]]:
    store, lengths = open_store(folder), descriptions.lengths(description)
    numbers = {
        path: number
        for path in tars
        if (number := layout.shard_of(path.name)) is not None and number in lengths and path.name == layout.tar(number)
    }
    wanted = {number: lengths[number] for number in numbers.values()}
    begun = finished.look(store, wanted, fingerprint=description["fingerprint"])
    for path, number in numbers.items():
        if number not in begun:
            raise UserError(
                str(path), got="a shard that is not finished", expected=f"one with its {layout.stats(number)}",
                remedy="run the command that made it again to continue it",
            )  # fmt: skip
        if (problem := begun[number]) is not None:
            raise problem
        yield path, OwnShard(store, number, lengths.indices(number))


def _description(folder: Path) -> dict[str, Any] | None:
    """``dataset.json`` of a data set of ours; None where another program's file of this name lies, or none."""
    try:
        content = (folder / layout.DATASET).read_bytes()
    except OSError:
        return None
    try:
        return descriptions.read(open_store(folder))
    except (Damaged, UserError):
        if descriptions.FORMAT.encode() in content or _has_shards(folder):
            raise
        return None


def _has_shards(folder: Path) -> bool:
    """Whether stats and an index of ours lie in a folder, as no other program writes them together."""
    numbers = {layout.shard_of(path.name) for path in folder.glob(f"*{layout.STATS}")} - {None}
    return any((folder / layout.index(number)).exists() for number in numbers if number is not None)
