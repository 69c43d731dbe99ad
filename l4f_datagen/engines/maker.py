"""What the worker process of any engine does: a thread of it makes the shards that it is given."""

import contextlib
import itertools
import pickle
import platform
import queue
import threading
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from ..errors import UserError, WorkError
from ..generation.filters import Reference
from ..generation.models import Models, load_models
from ..generation.stream import stream
from ..making.trunk import made_by, make_shard
from ..process.memory import keep_freed_memory
from ..process.tuning import tune_for_shards
from ..shards import folder as folders
from ..shards.format.arithmetic import Arithmetic
from .description import arithmetic, describe
from .job import Job, News
from .sending import unpacked


class ShardMaker:
    """Loads the networks once, then makes shard after shard as they are given; for a process of its own."""

    def __init__(self, job: Job):
        self._job = job
        self._given: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._ready, self._told_ready, self._stopped = False, False, False
        self._counts: dict[int, int] = {}
        self._done: list[int] = []
        self._error: Exception | None = None
        self._arithmetic: Arithmetic | None = None
        self._reference: Reference | None = None
        self._thread = threading.Thread(target=self._run, name="shards", daemon=True)
        self._thread.start()

    def give(self, shard: int) -> None:
        """Hand over one more shard to make."""
        self._given.put(shard)

    def news(self, seconds: float) -> News:
        """Wait until something happened since the last call, at most for so many seconds, and tell it."""
        with self._changed:
            self._changed.wait_for(lambda: self._done or self._error or self._ready != self._told_ready, seconds)
            news = News(self._ready, dict(self._counts), tuple(self._done), self._error, self._arithmetic)
            self._done.clear()
            self._told_ready = self._ready
        return news

    def stop(self) -> None:
        """Give up the shard in work, and wait for the thread to end. No file of the shard remains."""
        self._stopped = True
        self._given.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            if self._job.threads:
                torch.set_num_threads(self._job.threads)
            keep_freed_memory()
            self._reference = unpacked(self._job.reference)
            models = _load(self._job, self._reference)
            tune_for_shards()
            here = arithmetic(self._job.settings, models)
            with self._changed:
                self._ready, self._arithmetic = True, here
                self._changed.notify_all()
            while (shard := self._given.get()) is not None:
                self._make(models, made_by(here, allow_mixed=self._job.allow_mixed), shard)
        except _Stopped:
            pass
        except Exception as error:
            with self._changed:
                self._error = _portable(error)
                self._changed.notify_all()

    def _make(self, models: Models, told: Mapping[str, Any], first: int) -> None:
        """Make ``first``, and all that waits, from one stream: the networks go on while a shard is closed."""
        settings, out = self._job.settings, self._job.out
        made = stream(settings, shards=self._waiting(first), models=models, reference=self._reference)
        with contextlib.closing(made) as samples:
            for sample in samples:
                shard = sample.metadata["shard"]
                make_shard(
                    settings, out, shard, itertools.chain([sample], samples), lambda s=shard: self._step(s),
                    fingerprint=self._job.description["fingerprint"],
                    made_by=told,
                )  # fmt: skip
                with self._changed:
                    self._done.append(shard)
                    del self._counts[shard]
                    self._changed.notify_all()

    def _waiting(self, first: int) -> Iterator[int]:
        # It ends when nothing waits: the next shard may only be given when those before it are done.
        shard: int | None = first
        while shard is not None:
            self._counts[shard] = 0
            yield shard
            try:
                shard = self._given.get_nowait()
            except queue.Empty:
                return
        self._given.put(None)

    def _step(self, shard: int) -> None:
        self._counts[shard] += 1
        if self._stopped:
            raise _Stopped


class _Stopped(Exception):
    """The driver wants no more."""


def _load(job: Job, reference: Reference | None) -> Models:
    """Load the networks of a job, and check that they are those of its data set.

    Raises:
        UserError: this process sees another folder, other checkpoints or other versions than the driver.
    """
    host = platform.node()
    try:
        there = folders.read_description(job.out)["fingerprint"]
    except UserError:
        there = None
    if there != job.description["fingerprint"]:
        raise UserError(
            f"out {job.out} on {host}", got="another data set" if there else "no data set",
            expected="the folder that the driver opened", remedy="name one that all nodes reach under the same path",
        )  # fmt: skip
    models = load_models(job.settings)
    mine = describe(job.settings, models, reference)
    parts = {"identity": "let the same path name the same file on all nodes"}
    if not job.allow_mixed:
        parts["versions"] = "install the same versions on all nodes, or insist by --allow-mixed"
    for part, remedy in parts.items():
        for key, expected in job.description[part].items():
            if (got := mine[part].get(key)) != expected:
                raise UserError(
                    f"{key.removesuffix('_sha256')} on {host}", got=got, expected=f"{expected}, as for the driver",
                    remedy=remedy,
                )  # fmt: skip
    return models


def _portable(error: Exception) -> Exception:
    """An error that can be sent to another process. One that nobody expected takes its traceback along, as text."""
    text = "".join(traceback.format_exception(error))
    if not isinstance(error, (UserError, WorkError, OSError)):
        error.add_note(f"in a worker on {platform.node()}:\n{text}")
    error.__traceback__ = error.__cause__ = error.__context__ = None
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(text)
    return error
