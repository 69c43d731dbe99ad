"""Checks of one shard: every byte of its tar, its rows, its index and its stats, each against the others."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, NamedTuple

import pyarrow as pa

from ...documents import Unreadable, read_json
from ...overlap import ordered_map
from ...process.cores import cores
from ...short import short
from ...storage import parquet
from ...storage.store import Store
from .. import naming, writer
from ..damage import Damaged
from ..format import checksums, layout, schema, sealed, untar
from ..format.stats import parse as parse_stats
from .sample import problems_of

_CHUNK = 16  # samples looked at together
_WORKERS = min(8, cores())
_MOST = 20
"""How many problems of one file are listed."""
_LONGEST = 1000
_ROUNDING = 2e-6


@dataclass
class ShardCheck:
    """What was found of a shard."""

    shard: int
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of a file and what is wrong with it."""
    digests: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Size and checksums of the files that are there, as the stats should hold them."""
    stats: Mapping[str, Any] | None = None
    """The stats, if they are as they were written, and of this shard."""
    table: pa.Table | None = None
    """The rows of the Parquet file, if it can be read."""
    rows: list[dict[str, Any]] | None = None
    """The metadata in the tar, if all of them can be read."""
    older: bool = False
    """Whether the data set has the older names of files."""

    @property
    def files(self) -> tuple[str, str, str, str]:
        """The shard's files, the one that declares it done first."""
        return layout.of_shard(self.shard, older=self.older)

    @property
    def rows_file(self) -> str:
        """The file of its rows."""
        return layout.parquet(self.shard, older=self.older)

    def sound(self, name: str) -> bool:
        """Whether a file is the one that the stats describe; without stats, whether no problem of it was found."""
        if self.stats is not None and name in self.stats["files"]:
            return self.digests.get(name) == self.stats["files"][name]
        return not self.names(name)

    def names(self, name: str) -> bool:
        """Whether a problem of a file was found."""
        return any(file == name for file, _ in self.problems)

    def add(self, name: str, problem: str) -> None:
        """Note a problem; of very many in one file, the first ones only."""
        count = sum(file == name for file, _ in self.problems)
        if count <= _MOST:
            # Names of members are whatever the file says, and end on a terminal.
            self.problems.append((name, short(problem, _LONGEST) if count < _MOST else "… and more"))


class _Looked(NamedTuple):
    """What was found of a sample."""

    key: str
    line: str
    """Its line of the DALI index."""
    row: dict[str, Any] | None
    problems: list[str]


def check_shard(
    store: Store, shard: int, length: int | None, description: Mapping[str, Any] | None, *, decode: bool = True
) -> ShardCheck:
    """Read all files of a shard. Memory does not grow with the data set; samples are looked at in threads.

    Args:
        length: how many samples it has to have; None when that is not known.
        description: ``dataset.json``; None when that cannot be read.
        decode: look into the members; without, or without a description, the tar's structure, checksums, rows and
            index are checked.
    """
    found = ShardCheck(shard, older=naming.is_older(store))
    stats = _read_stats(store, description, found)
    found.table = _read_parquet(store, found)
    lines = _check_tar(store, description if decode else None, found)
    if lines is not None:
        if len(lines) != (length or len(lines)):
            found.add(layout.tar(shard), f"{len(lines)} samples; expected {length}")
        if found.table is not None and found.table.num_rows != len(lines):
            found.add(found.rows_file, f"{found.table.num_rows} rows; the tar has {len(lines)} samples")
    _check_index(store, lines, found)
    if stats is not None:
        for problem in _stats_problems(stats, length, found.rows):
            found.add(layout.stats(shard), problem)
        _check_digests(stats, found)
    _blame(found)
    return found


def _blame(found: ShardCheck) -> None:
    """Drop the problems of files that are as they were written, where the tar is not: the difference is the tar's."""
    tar = layout.tar(found.shard)
    stated = found.stats["files"] if found.stats is not None else {}
    if tar in found.digests and tar in stated and not found.sound(tar):
        whole = {name for name in stated if found.sound(name)}
        whole.add(layout.stats(found.shard))
        found.problems = [(name, problem) for name, problem in found.problems if name not in whole]


def _content(store: Store, name: str, found: ShardCheck) -> bytes | None:
    """The content of a small file, whose checksum is noted."""
    try:
        content = store.read_bytes(name)
    except FileNotFoundError:
        found.add(name, "missing")
        return None
    found.digests[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return content


def _read_stats(store: Store, description: Mapping[str, Any] | None, found: ShardCheck) -> Mapping[str, Any] | None:
    """The stats, as far as they can be read and are this shard's."""
    name = layout.stats(found.shard)
    content = _content(store, name, found)
    if content is None:
        return None
    stats = None
    with contextlib.suppress(Unreadable):
        stats = read_json(content, name, kind=dict)
    if not sealed.holds(content):
        found.add(name, "not as it was written: its own checksum does not hold")
    elif problem := _not_its_own(stats, content, found, description):
        found.add(name, problem)
        return None
    else:
        found.stats = stats
    return stats


def _not_its_own(
    stats: Mapping[str, Any] | None, content: bytes, found: ShardCheck, description: Mapping[str, Any] | None
) -> str | None:
    """Why stats are not those of this shard, and say nothing of its files; None: they are."""
    if stats is None:
        return "something else than stats"
    if stats.get("shard") != found.shard:
        return f"of shard {short(stats.get('shard'))}"
    if description and stats.get("fingerprint", description["fingerprint"]) != description["fingerprint"]:
        return "of a data set with other settings"
    try:
        parse_stats(content, layout.stats(found.shard), found.shard)
    except Damaged as error:
        return str(error.problem)
    others = sorted(set(stats["files"]) - set(found.files[1:]))
    return f"it tells of {short(others[0])}, which is no file of the shard" if others else None


def _read_parquet(store: Store, found: ShardCheck) -> pa.Table | None:
    name = found.rows_file
    content = _content(store, name, found)
    if content is None:
        return None
    try:
        table = parquet.read_table(content)
    except parquet.Broken as error:
        found.add(name, f"cannot be read ({error})")
        return None
    if not schema.is_known(table.schema):
        found.add(name, "other columns than those of a data set")
        return None
    return table


def _check_tar(store: Store, description: Mapping[str, Any] | None, found: ShardCheck) -> list[str] | None:
    """Look at every sample. Returns the lines of the index; None where the tar is damaged."""
    shard, name = found.shard, layout.tar(found.shard)
    first = shard * description["settings"]["samples_per_shard"] if description else 0

    def look(chunk: list[tuple[int, str, list[untar.Member]]]) -> list[_Looked]:
        return [_look(key, members, first + position, shard, description) for position, key, members in chunk]

    lines, rows, whole = [], [], True
    try:
        raw = store.open(name)
    except FileNotFoundError:
        found.add(name, "missing")
        return None
    with raw:
        file = checksums.HashingReader(raw)
        try:
            looked = ordered_map(look, _chunks(_samples(file)), workers=_WORKERS, ahead=2 * _WORKERS)
            with contextlib.closing(looked):
                for chunk in looked:
                    stored = found.table.slice(len(lines), len(chunk)).to_pylist() if found.table is not None else None
                    for position, sample in enumerate(chunk):
                        for problem in sample.problems:
                            found.add(name, f"sample {sample.key}: {problem}")
                        if sample.row and stored is not None and stored[position : position + 1] != [sample.row]:
                            found.add(found.rows_file, f"not the metadata of sample {sample.key}")
                        lines.append(sample.line)
                        rows.append(sample.row)
        except untar.NotPlainTar as error:
            found.add(name, f"{error}; its first {len(lines)} samples were looked at, and no other")
            whole = False
        found.digests[name] = file.digest()
    if whole and rows and None not in rows:
        found.rows = rows
    return lines if whole else None


def _look(
    key: str, members: list[untar.Member], index: int, shard: int, description: Mapping[str, Any] | None
) -> _Looked:
    line = writer.index_line((m.name.partition(".")[2], m.offset, len(m.content), m.name) for m in members)
    if description is None:
        return _Looked(key, line, None, [])
    contents = [(member.name, member.content) for member in members]
    return _Looked(key, line, *problems_of(contents, index=index, shard=shard, description=description))


def _samples(file: checksums.HashingReader) -> Iterator[tuple[int, str, list[untar.Member]]]:
    groups = groupby(untar.members(file, strict=True), key=lambda member: member.name.partition(".")[0])
    for position, (key, members) in enumerate(groups):
        yield position, key, list(members)


def _chunks(items: Iterable) -> Iterator[list]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _check_index(store: Store, lines: list[str] | None, found: ShardCheck) -> None:
    name = layout.index(found.shard)
    content = _content(store, name, found)
    if content is not None and lines is not None and content != writer.index_content(lines):
        found.add(name, "not the places of the members in the tar")


def _stats_problems(stats: Mapping[str, Any], length: int | None, rows: list[dict[str, Any]] | None) -> Iterator[str]:
    """What the stats say that is not true, a line each."""
    if length is not None and stats.get("samples") != length:
        yield f"{short(stats.get('samples'))} samples; expected {length}"
    if rows is None:
        return
    try:
        if any(abs(stats["means"][name] - mean) > _ROUNDING for name, mean in writer.means(rows).items()):
            yield f"means {short(stats['means'])}; the samples give {writer.means(rows)}"
        rejected = sum(Counter(stats["rejected"]).values())
        if rejected != sum(row["candidate"] for row in rows):
            yield f"{rejected} rejected candidates; the samples count {sum(row['candidate'] for row in rows)}"
    except (KeyError, TypeError, AttributeError):
        yield "something else than stats"


def _check_digests(stats: Mapping[str, Any], found: ShardCheck) -> None:
    files = stats.get("files")
    for name in found.files[1:]:
        stated = files.get(name) if isinstance(files, dict) else None
        if name in found.digests and found.digests[name] != stated:
            blame = name if found.stats is not None else layout.stats(found.shard)
            found.add(blame, f"size and checksums of {name} are not those of the stats")
