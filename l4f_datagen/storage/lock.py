"""Who writes into a data set folder: no two writers make the same shards at the same time.

A writer leaves a small file that says who it is and which shards it makes, and changes it every few seconds. Of this
machine's processes it is known at once whether they are alive; of another machine's writer, whether its file changes
while one watches. No clock is compared with another, so that clocks may differ and jump.

What this cannot do: nothing stops a writer that was silent for too long (asleep, cut off from the storage) and comes
back; it finds its file gone and gives up at its next shard. Until then two write, which harms nothing: a shard is the
same whoever makes it, and files appear whole.
"""

import contextlib
import errno
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ..addresses import in_one_line
from ..documents import Unreadable, read_json
from ..errors import UserError, WorkError
from ..short import short
from . import owner
from .atomic import CannotWrite
from .opening import open_store
from .store import Store

logger = logging.getLogger(__name__)

PREFIX, SUFFIX = ".writing-", ".lock"
_SILENT_BEATS = 6
"""After so many beats without a sign of life, a writer of another machine counts as dead."""
_LOOKS_PER_BEAT = 20
_MOST_BYTES, _LONGEST = 1 << 14, 300
_ours: set[str] = set()
"""Tokens of the locks that this process holds. A lock file of this process with another token was left behind."""


@dataclass(frozen=True)
class Writer:
    """Content of a lock file: who writes, and which shards (all of them when ``start`` is None)."""

    token: str
    start: int | None
    stop: int | None
    process: owner.Process = field(default_factory=owner.this)
    since: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
    holds: bool = False
    """Whether the lock is taken; False while the writer still looks for others."""
    beats: int = 0

    @property
    def name(self) -> str:
        """Name of the lock file."""
        return f"{PREFIX}{self.token}{SUFFIX}"

    def overlaps(self, other: "Writer") -> bool:
        """Whether there is a shard that both want."""
        if self.start is None or self.stop is None or other.start is None or other.stop is None:
            return True
        return max(self.start, other.start) < min(self.stop, other.stop)

    def __str__(self) -> str:
        shards = "" if self.start is None else f", shards {self.start}:{self.stop}"
        return f"process {self.process.pid} on {self.process.host} (since {self.since}{shards})"


class Lock:
    """A writer's right to its shards, while ``writing`` lasts."""

    def __init__(self, store: Store, writer: Writer):
        self._store, self._writer = store, writer
        self._ended, self._changing, self._lost = threading.Event(), threading.Lock(), False
        self._removed: set[str] = set()
        self._beating = threading.Thread(target=self._beat, name="lock", daemon=True)

    def check(self) -> None:
        """Raise ``WorkError`` when another writer took over, since nothing was seen of this one for long."""
        if self._lost:
            raise WorkError(
                f"{self._store}: another writer took this one for dead and may have taken over; what was finished "
                "stays, and the same command continues"
            )

    def take(self) -> None:
        """Wait until it is certain that nobody else has one of the shards.

        Raises:
            UserError: somebody has.
        """
        _ours.add(self._writer.token)
        try:
            self._change()
            self._beating.start()
            rivals = _Rivals(self._store, self._writer, self._removed)
            while rivals.undecided():
                self.check()
                time.sleep(self._store.beat / _LOOKS_PER_BEAT)
            self._change(holds=True)
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Let others have the shards."""
        self._ended.set()
        if self._beating.is_alive():
            self._beating.join()
        self._remove()
        _ours.discard(self._writer.token)

    def _beat(self) -> None:
        while not self._ended.wait(self._store.beat):
            try:
                if self._is_lost():
                    self._lost = True
                    return
                self._change(beats=self._writer.beats + 1)
            except (OSError, UserError, WorkError) as error:  # the next beat may reach it
                logger.debug("%s: no sign of life could be left (%s)", self._store, in_one_line(error))

    def _is_lost(self) -> bool:
        """Whether another writer took over: our file is gone, or a beat wrote it once more beside the other's."""
        names = _lock_files(self._store)
        if self._writer.name not in names:
            return True
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                other = _parse(self._store.read_small(name, _MOST_BYTES)) if name != self._writer.name else None
                if other and self._writer.holds and other.holds and other.overlaps(self._writer):
                    if name not in self._removed:
                        return True
                    self._store.remove(name)
        return False

    def _change(self, **fields: object) -> None:
        with self._changing:
            self._writer = replace(self._writer, **fields)
            content = json.dumps(asdict(self._writer)).encode()
            try:
                self._store.write_bytes(self._writer.name, content)
            except CannotWrite as error:
                if error.errno != errno.ENOENT:
                    raise
                # Whoever has the folder just cleared it of temporary files, this one's too.
                self._store.write_bytes(self._writer.name, content)

    def _remove(self) -> None:
        try:
            self._store.remove(self._writer.name)
        except (OSError, UserError, WorkError) as error:  # what ended the work is worth more than this
            logger.warning("%s: %s stays behind (%s)", self._store, self._writer.name, in_one_line(error))


@contextlib.contextmanager
def writing(place: str | Path | Store, shards: range | None = None) -> Iterator[Lock]:
    """Hold a folder, or some of its shards, while the block lasts. Creates the folder.

    Others may have other shards. A dead writer's lock is taken over, and a warning says so; that takes a minute when
    it died on another machine.

    Args:
        shards: a range without gaps; None stands for the whole folder.

    Raises:
        UserError: another writer has one of the shards, or the folder cannot be written.
    """
    store = open_store(place)
    store.make_writable()
    start, stop = (None, None) if shards is None else (shards.start, shards.stop)
    lock = Lock(store, Writer(os.urandom(6).hex(), start, stop))
    lock.take()
    try:
        yield lock
    finally:
        lock.give_back()


class _Rivals:
    """The other writers that want our shards."""

    def __init__(self, store: Store, ours: Writer, removed: set[str]):
        """Names of lock files that are removed as stale are added to ``removed``."""
        self._store, self._ours, self._removed = store, ours, removed
        self._patience = _SILENT_BEATS * store.beat
        self._first: dict[str, tuple[bytes, float]] = {}
        """For each lock file, by name: its content when it was first seen, and the time of that."""

    def undecided(self) -> bool:
        """Look at the other lock files. Returns whether one has to look again; raises where a writer is alive."""
        undecided = False
        for name in _lock_files(self._store):
            if name != self._ours.name:
                with contextlib.suppress(FileNotFoundError):  # it ended just now
                    undecided |= self._judge(name, self._store.read_small(name, _MOST_BYTES))
        return undecided

    def _judge(self, name: str, content: bytes) -> bool:
        rival = _parse(content)
        alive, who = (_alive(rival) if rival else None), rival or short(name)
        if rival and not rival.overlaps(self._ours) and alive is not False:
            return False
        first_look = name not in self._first
        first, since = self._first.setdefault(name, (content, time.monotonic()))
        reason = "the process is gone"
        if alive is None:
            if content != first:
                alive = True
            elif time.monotonic() - since > self._patience:
                alive, reason = False, f"no sign of life for {self._patience:.0f} s"
        if alive is None:
            if first_look:
                logger.warning(
                    "%s: %s may still be writing; watching it for up to %.0f s",
                    self._store,
                    who,
                    self._patience,
                )
            return True
        if not alive:
            logger.warning("%s: the lock of %s is stale (%s); taken over", self._store, who, reason)
            self._removed.add(name)
            self._store.remove(name)
            return False
        # Of two that came at the same moment the one with the smaller token stays, once the other has seen it.
        if rival and not rival.holds and rival.token > self._ours.token:
            return True
        raise UserError(
            f"out {self._store}",
            got=f"a folder that {who} is writing into",
            expected="a folder, or shards, that nobody else is writing",
            remedy="wait for it to end, end it, or choose another folder",
        )


def _alive(writer: Writer) -> bool | None:
    """Whether a writer is alive; None for one of another machine, of which nothing is known."""
    if writer.process == owner.this():
        return writer.token in _ours
    return owner.alive(writer.process)


def _lock_files(store: Store) -> list[str]:
    return [name for name in store.listing() if name.startswith(PREFIX) and name.endswith(SUFFIX)]


def _parse(content: bytes) -> Writer | None:
    """The writer that a lock file names. None for an unreadable file: after the usual silence it counts as stale."""
    try:
        fields = read_json(content, "a lock", kind=dict, most=_MOST_BYTES)
        process = owner.Process(**fields["process"])
        writer = Writer(**fields | {"process": process})
    except (Unreadable, TypeError, KeyError):
        return None
    shards, plain = (writer.start, writer.stop), (writer.token, writer.since, process.host, process.machine)
    sound = (
        all(isinstance(text, str) and len(text) < _LONGEST and text.isprintable() for text in plain)
        and (shards == (None, None) or all(type(number) is int for number in shards))
        and type(process.pid) is int and 0 < process.pid < 2**31
        and (process.started is None or type(process.started) is int)
        and type(writer.holds) is bool and type(writer.beats) is int
    )  # fmt: skip
    return writer if sound else None
