"""A Ray cluster makes all shards. Its workers are actors; the shards of a lost one are made by another."""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError, WorkError
from ..generation.filters import Reference, with_reference
from ..generation.recommended import with_recommended
from ..making.extending import with_begun
from ..making.trunk import planned
from ..process.tuning import tune_for_shards
from ..progress.state import Progress
from ..settings import EngineSettings, GenerateSettings
from ..storage.store import Store
from ..weights import remote
from .crew import drive
from .description import describe_for
from .job import Job, News
from .maker import ShardMaker
from .sending import packed

_SECONDS_BETWEEN_NEWS = 0.5
_SECONDS_TO_STOP = 20
_SECONDS_TO_CONNECT = 10
_OWN_CLUSTER = {
    "include_dashboard": False,
    "object_store_memory": 100 << 20,  # bytes; what travels is a few numbers
    "_system_config": {"worker_niceness": 0},  # its workers are the only ones who work here, not guests
}
"""How a cluster is started where there is none."""


def generate(
    settings: GenerateSettings,
    out: str | Path | Store,
    engine: EngineSettings,
    *,
    overwrite: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: range | None = None,
    reference: Reference | str | Path | None = None,
    allow_mixed: bool = False,
) -> Progress:
    """``local.generate`` on the workers of a Ray cluster; ``out`` has to be one folder for all its nodes.

    Reports a few times a second.

    Raises:
        UserError: Ray is not installed, there is no such cluster, it has no room for a worker, or a node sees another
            folder, other checkpoints or other versions than this process; and as ``local.generate``.
        WorkError: the disk is full, or a shard took several workers down; finished shards stay.
    """
    settings, function = with_reference(settings, reference)
    sent = packed(function)
    with _connected(engine.ray_address) as ray:
        settings = with_recommended(with_begun(settings, out, overwrite=overwrite))
        device = _device(ray, settings)
        description = describe_for(settings, device, function)
        common = {"overwrite": overwrite, "shards": shards, "allow_mixed": allow_mixed}
        with planned(settings, out, description, **common) as plan:
            if not plan.pending:
                return plan.progress(settings.shards, 0, 0)
            count, resources = _workers(ray, engine, device)
            there = _anywhere(settings, device)
            job = Job(there, plan.out.absolute(), description, sent, allow_mixed=allow_mixed)
            with _Actors(ray, job, min(count, len(plan.pending)), resources) as crew:
                return drive(crew, plan, report)


class Worker:
    """What runs in a process of the cluster."""

    def __init__(self, job: Job):
        tune_for_shards()
        self._maker = ShardMaker(job)

    def give(self, shard: int) -> None:
        """As ``ShardMaker`` does it."""
        self._maker.give(shard)

    def news(self) -> News:
        """As ``ShardMaker`` does it."""
        return self._maker.news(_SECONDS_BETWEEN_NEWS)

    def stop(self) -> None:
        """As ``ShardMaker`` does it."""
        self._maker.stop()


class _Actors:
    """A crew of actors; one that is lost is replaced. A context manager: leaving it ends them."""

    def __init__(self, ray: Any, job: Job, count: int, resources: dict[str, float]):
        self._ray, self._job, self.size = ray, job, count
        # News, orders and the end arrive side by side.
        self._class = ray.remote(Worker).options(
            max_concurrency=4, max_restarts=0, scheduling_strategy="SPREAD", **resources
        )
        self._actors: dict[int, Any] = {}
        self._polls: dict[Any, int] = {}
        self._heard: set[int] = set()
        self._number = 0
        for _ in range(count):
            self._add()

    def __enter__(self) -> "_Actors":
        return self

    def __exit__(self, *error: object) -> None:
        # One that never started has nothing to stop, and would not answer.
        stopping = [actor.stop.remote() for worker, actor in self._actors.items() if worker in self._heard]
        if stopping:
            self._ray.wait(stopping, num_returns=len(stopping), timeout=_SECONDS_TO_STOP)
        for actor in self._actors.values():
            self._ray.kill(actor)

    def news(self) -> Iterator[tuple[int, News | None]]:
        """As ``Crew`` has it."""
        ready, _ = self._ray.wait(list(self._polls), timeout=1)
        for poll in ready:
            worker = self._polls.pop(poll)
            try:
                news = self._ray.get(poll)
            except self._ray.exceptions.RayActorError as error:
                if error.actor_init_failed:
                    raise _not_installed(error) from None
                with contextlib.suppress(self._ray.exceptions.RayError):
                    self._ray.kill(self._actors.pop(worker))
                self._add()
                yield worker, None
                continue
            self._heard.add(worker)
            yield worker, news
            self._polls[self._actors[worker].news.remote()] = worker

    def give(self, worker: int, shard: int) -> None:
        """As ``Crew`` has it."""
        self._actors[worker].give.remote(shard)

    def _add(self) -> None:
        actor = self._class.remote(self._job)
        self._actors[self._number] = actor
        self._polls[actor.news.remote()] = self._number
        self._number += 1


@contextlib.contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """The module ``ray``, connected; a connection that the program made itself is used and stays."""
    # A tool that runs by itself sends nothing home; set before the import, which reads them.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "engine ray", got="no Ray", expected="the extra `ray`", remedy='pip install "l4f-datagen[ray]"'
        ) from error
    if ray.is_initialized():
        yield ray
        return
    address = address or os.environ.get("RAY_ADDRESS")
    started = {} if address else _OWN_CLUSTER
    with _handlers_kept():
        try:
            _knock(address)
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **started)
        except Exception as error:  # Ray has no class for them
            problem = (str(error).splitlines() or [type(error).__name__])[0]
            if not address:
                raise WorkError(f"Ray could not be started on this machine ({problem})") from error
            raise UserError(
                "ray_address", got=f"{address} ({problem})", expected="a running cluster",
                remedy="start one by ray start --head, or leave --ray-address away for one of this machine's own",
            ) from error  # fmt: skip
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise an OSError where nobody listens: ray.init() would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_CONNECT).close()


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put back what happens on SIGTERM: ray.init() replaces it."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _device(ray: Any, settings: GenerateSettings) -> str:
    """Type of the workers' devices, "cuda" or "cpu"."""
    if settings.device != "auto":
        return settings.device.partition(":")[0]
    return "cuda" if ray.cluster_resources().get("GPU") else "cpu"


def _workers(ray: Any, engine: EngineSettings, device: str) -> tuple[int, dict[str, float]]:
    """How many workers there are to be, and which resources of Ray each of them holds.

    Raises:
        UserError: the cluster has no room for one, and nobody said how many there are to be.
    """
    kind = "GPU" if device == "cuda" else "CPU"
    nodes = [node["Resources"].get(kind, 0) for node in ray.nodes() if node["Alive"]]
    share = engine.devices_per_worker or (1 if kind == "GPU" else min(filter(None, nodes), default=1))
    count = engine.workers or sum(int(there // share) for there in nodes)
    if not count:
        raise UserError(
            "devices_per_worker", got=f"{share:g} {kind}s", expected=f"at most the {max(nodes, default=0):g} of a node",
            remedy="ask for fewer; with --workers the command waits until the cluster has grown",
        )  # fmt: skip
    if kind == "CPU":
        return count, {"num_cpus": share}
    # A process computes on one device; a worker of several is several processes.
    processes = max(1, int(share))
    return count * processes, {"num_cpus": 0, "num_gpus": min(share, 1)}


def _not_installed(error: Exception) -> UserError:
    """The refusal of a node on which an actor cannot even be created."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return UserError(
        "a node of the cluster", got=lines[-1].strip(), expected="l4f-datagen in the driver's version on all nodes",
        remedy='pip install "l4f-datagen[ray]" there',
    )  # fmt: skip


def _anywhere(settings: GenerateSettings, device: str) -> GenerateSettings:
    """The settings, with paths that do not depend on the folder a process was started in."""
    paths = {}
    for name in ("generator", "alpha", "backgrounds", "reference"):
        path = getattr(settings, name)
        if path is not None and not remote.is_remote(path):
            plain, hashed, expected = path.partition("#sha256=")
            if Path(plain).expanduser().exists():
                paths[name] = f"{Path(plain).expanduser().absolute()}{hashed}{expected}"
    return settings.model_copy(update={"device": device, **paths})
