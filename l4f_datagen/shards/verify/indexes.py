"""The files over all shards are compared with the shards, as these are read one after the other."""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

from ...documents import Unreadable, read_json
from ...storage.store import Store
from .. import folder
from ..format import card, checksums, index, layout, sealed
from .metadata import MetadataCheck
from .shard import ShardCheck
from .sums import Sums

_OTHER = f"not the file whose checksum {layout.CHECKSUMS} holds"


class IndexChecks:
    """Takes the shards in order. When closed, it returns the problems of the card and of the files over all shards.

    A bad shard hides no problem of these files: what it cannot tell is taken from its stats, its tar or the file
    itself, and the rest of the file is still checked.
    """

    def __init__(
        self, store: Store, sizes: Mapping[str, int], description: Mapping[str, Any] | None, lengths: Mapping[int, Any]
    ):
        self._store, self._sizes, self._description, self._lengths = store, sizes, description, lengths
        self._problems: list[tuple[str, str]] = []
        self._tars: list[tuple[str, int, Mapping[str, Any] | None]] = []
        self._name = folder.index_name(description) if description else None
        self._absent = False
        self._open = ExitStack()
        self._sums = Sums(self._opened(layout.CHECKSUMS))
        metadata = self._opened(layout.METADATA)
        self._metadata = MetadataCheck(metadata) if metadata is not None else None
        self._check_head()

    def add(self, check: ShardCheck, length: int | None) -> None:
        """Compare the files with what was found of a shard."""
        stats, names = check.stats, check.files
        self._absent |= names[0] not in self._sizes
        for name in names:
            self._compare(name, check, stats["files"].get(name) if stats is not None else None)
        if self._metadata is not None and self._lengths:
            self._metadata.add(check, length)
        tar = layout.tar(check.shard)
        if stats is not None:
            known = stats["files"][tar]
        else:
            blamed = {file for file, _ in (*check.problems, *self._problems)}
            known = check.digests.get(tar) if tar not in blamed else None
        samples = length or (stats["samples"] if stats is not None else None)
        if self._name is None and stats is not None and isinstance(stats.get("fingerprint"), str):
            self._name = folder.index_name(stats)
        if samples:
            self._tars.append((tar, samples, known))

    def close(self) -> list[tuple[str, str]]:
        """Finish. Returns pairs of a file and what is wrong with it."""
        self._check_metadata()
        self._check_loader_indexes()
        self._sums.close()
        if self._sums.problem:
            self._problems.append((layout.CHECKSUMS, self._sums.problem))
        # Of a data set that is not complete yet there is none of them.
        if not self._absent or set(layout.FINAL) & set(self._sizes):
            self._problems += [(name, "missing") for name in layout.FINAL if name not in self._sizes]
        self._open.close()
        return self._problems

    def _opened(self, name: str) -> Any:
        return self._open.enter_context(self._store.open(name)) if name in self._sizes else None

    def _compare(self, name: str, check: ShardCheck, stated: Mapping[str, Any] | None) -> None:
        """Compare a line of SHA256SUMS with the stats of its shard, or where these say nothing, with the file."""
        line = self._sums.next(name)
        digest = check.digests.get(name)
        if name == layout.stats(check.shard) and check.stats is not None:
            stated = digest
        if line is None or (stated or digest) is None:
            return
        if stated is not None and line != stated["sha256"]:
            self._sums.differs(f"not the checksum of {name} that the shard's stats give")
        elif stated is None and digest is not None and line != digest["sha256"] and not check.names(name):
            self._doubt(name)

    def _doubt(self, name: str) -> None:
        """Either a file or its checksum is wrong. The file is not blamed if other checksums were wrong before."""
        if self._sums.problem is None:
            self._problems.append((name, _OTHER))
            self._sums.differs(f"not the checksum of {name}, or that file is damaged")

    def _check_head(self) -> None:
        """Check ``dataset.json`` and the card: each of them tells whether the other's checksum is wrong."""
        dataset, written = (self._content(name) for name in layout.HEAD)
        rendered = _card(self._description)
        line = self._sums.next(layout.DATASET)
        if line is not None and dataset is not None and line != hashlib.sha256(dataset).hexdigest():
            if sealed.holds(dataset) and written is not None and written == rendered:
                self._sums.differs(f"not the checksum of {layout.DATASET}, which is sound")
            elif sealed.holds(dataset):
                self._problems.append((layout.DATASET, _OTHER))
        line = self._sums.next(layout.CARD)
        if written is None:
            self._problems.append((layout.CARD, "missing"))
        elif written != rendered and line is not None and line != hashlib.sha256(written).hexdigest():
            self._problems.append((layout.CARD, _OTHER))
        elif written != rendered and line is None and rendered is not None:
            self._problems.append((layout.CARD, "not the card of this data set"))
        elif written == rendered and line not in (None, hashlib.sha256(written).hexdigest()):
            self._sums.differs(f"not the checksum of {layout.CARD}, which is sound")

    def _content(self, name: str) -> bytes | None:
        return self._store.read_bytes(name) if name in self._sizes else None

    def _check_metadata(self) -> None:
        line = self._sums.next(layout.METADATA)
        if self._metadata is None:
            return
        problems = self._metadata.close()
        if line is not None and not problems:
            with self._store.open(layout.METADATA) as file:
                sha256 = checksums.of_file(file)
            if line != sha256:
                if self._metadata.sha256 != sha256:
                    problems.append(_OTHER)
                if self._metadata.sha256 != line:
                    self._sums.differs(f"not the checksum of {layout.METADATA}")
        elif self._metadata.sha256 is not None and not problems:
            with self._store.open(layout.METADATA) as file:
                if checksums.of_file(file) != self._metadata.sha256:
                    problems.append("not as it was written")
        self._problems += [(layout.METADATA, problem) for problem in problems]

    def _check_loader_indexes(self) -> None:
        there = {name: self._content(name) for name in layout.INDEXES[1:]}
        expected = self._expected(there)
        guessed = {layout.WIDS} if any(known is None for _, _, known in self._tars) else set()
        for name, content in there.items():
            line = self._sums.next(name)
            known = content if content is not None else expected.get(name)
            if known is None:
                continue
            sha256 = hashlib.sha256(known).hexdigest()
            if name in expected and known != expected[name]:
                self._problems.append((name, "not what the shards' stats give"))
            elif line not in (None, sha256) and name in expected and name not in guessed:
                self._sums.differs(f"not the checksum of {name}, which is sound")
            elif line not in (None, sha256) and content is not None:
                self._doubt(name)

    def _expected(self, there: Mapping[str, bytes | None]) -> dict[str, bytes]:
        """The loaders' indexes as they should be; an empty mapping when too little is known."""
        if self._name is None or not self._tars or len(self._tars) != len(self._lengths):
            return {}
        claimed = _claimed(there[layout.WIDS])
        tars = [(tar, samples, known or claimed.get(tar, _UNKNOWN)) for tar, samples, known in self._tars]
        return index.loader_indexes(tars, self._name)


_UNKNOWN: Mapping[str, Any] = {"md5": "", "bytes": 0}


def _claimed(content: bytes | None) -> dict[str, Mapping[str, Any]]:
    """Size and checksum of tars according to ``wids.json``, for tars that nothing else tells of."""
    with suppress(Unreadable, ValueError, KeyError, TypeError):
        return {
            shard["url"]: {"md5": str(shard["md5sum"]), "bytes": int(shard["filesize"])}
            for shard in read_json(content or b"{}", layout.WIDS)["shardlist"]
        }
    return {}


def _card(description: Mapping[str, Any] | None) -> bytes | None:
    try:
        return None if description is None else card.render(description).encode()
    except (KeyError, TypeError, AttributeError):
        return None
