"""Worker processes of this machine, one per device."""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing import connection

from ..errors import WorkError
from ..process import signals
from .job import Job, News
from .maker import ShardMaker

_SECONDS_BETWEEN_NEWS = 0.2
_SECONDS_TO_STOP = 30


class WorkerProcesses:
    """A crew of processes. A context manager: leaving it ends them, and nothing half-written remains.

    Args:
        devices: one for each process; a device may be named several times.
    """

    def __init__(self, job: Job, devices: Sequence[str]):
        self._devices, self.size = devices, len(devices)
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self._pipes = []
        self._processes = []
        for device in devices:
            ours, theirs = context.Pipe()
            own = replace(job, settings=job.settings.model_copy(update={"device": device}))
            process = context.Process(target=_work, args=(theirs, own), name=f"shards on {device}", daemon=True)
            with signals.held_back():
                process.start()
            theirs.close()  # else its end would never be seen
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> "WorkerProcesses":
        return self

    def __exit__(self, *error: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(_SECONDS_TO_STOP)
            if process.is_alive():
                process.kill()
                process.join()

    def news(self) -> Iterator[tuple[int, News]]:
        """As ``Crew`` has it. A process that ends is not replaced: a new one would end in the same way.

        Raises:
            WorkError: a process ended.
        """
        ready = connection.wait(self._pipes, timeout=1)
        for worker, pipe in enumerate(self._pipes):
            if pipe not in ready:
                continue
            try:
                news = pipe.recv()
            except (EOFError, OSError):
                raise self._ended(worker) from None
            yield worker, news

    def give(self, worker: int, shard: int) -> None:
        """As ``Crew`` has it."""
        try:
            self._pipes[worker].send(shard)
        except OSError:
            raise self._ended(worker) from None

    def _ended(self, worker: int) -> WorkError:
        process = self._processes[worker]
        process.join(_SECONDS_TO_STOP)
        code = process.exitcode or 0
        why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return WorkError(
            f"the process on {self._devices[worker]} ended ({why}): the finished shards stay; "
            "look at the machine's memory (fewer --devices or a smaller --batch-size need less) and run the same "
            "command again to continue"
        )


def _work(pipe: connection.Connection, job: Job) -> None:
    signals.deaf()  # the driver is interrupted, too, and closes the pipe
    maker = ShardMaker(job)
    try:
        while True:
            while pipe.poll():
                maker.give(pipe.recv())
            pipe.send(maker.news(_SECONDS_BETWEEN_NEWS))
    except (EOFError, OSError):  # the driver wants no more, or is dead
        maker.stop()
