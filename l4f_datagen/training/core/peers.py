"""The other processes of a training: waited for aloud, and missed when they vanish.

torch waits inside of its own code, deaf to signals and without a word. So the waiting is done here first, in small
steps, and torch is asked when all are there.
"""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed import (  # documented, yet not in the list of what torch exports
    PrefixStore,  # pyright: ignore[reportPrivateImportUsage]
    Store,  # pyright: ignore[reportPrivateImportUsage]
    TCPStore,  # pyright: ignore[reportPrivateImportUsage]
)

from ...errors import UserError, WorkError
from ...process.patience import positive_seconds

logger = logging.getLogger(__name__)

WAIT_VARIABLE = "L4F_WAIT_FOR_PEERS"
"""Environment variable: seconds that the processes of a training wait for each other at its start."""
SILENCE_VARIABLE = "L4F_PEER_TIMEOUT"
"""Environment variable: seconds after which a process that answers no more counts as lost."""
_WAIT, _SILENCE = 600.0, 1800.0
_LOOK, _TELL, _TRY = 0.2, 30.0, 1.0
_GRACE = 3.0
"""Seconds that a signal waits for torch to come back, before it ends the process."""
_WORDS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT")


def join(*, cpu: bool) -> None:
    """Meet the other processes, if the environment names any; does nothing when they have met.

    Raises:
        UserError: the environment says something that cannot be.
        WorkError: not all of them came in time.
    """
    numbers = {name: number for name in _WORDS if (number := _number(name)) is not None}
    count = numbers.get("WORLD_SIZE", 1)
    rank = _check(numbers, count, cpu=cpu)
    if count == 1 or dist.is_initialized():
        return
    host, port = os.environ.get("MASTER_ADDR", "").strip() or "127.0.0.1", numbers.get("MASTER_PORT", 29500)
    seconds = positive_seconds(WAIT_VARIABLE, _WAIT)
    silence = positive_seconds(SILENCE_VARIABLE, _SILENCE)
    waiting = _Waiting(rank, count, f"{host}:{port}", seconds)
    store = _open_store(host, port, count, rank, waiting)
    # A launcher that starts all anew keeps its store: another attempt, another count.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = PrefixStore(f"l4f-datagen/{attempt}", store)
    _count_in(store, rank, count, waiting)
    # accelerate wants to see them; a process that met nobody keeps the environment that it had.
    os.environ |= {"MASTER_ADDR": host, "MASTER_PORT": str(port), "LOCAL_RANK": str(numbers["LOCAL_RANK"])}
    backend = "gloo" if cpu else "nccl"
    with obeying(), talking():
        timeout = timedelta(seconds=silence)
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=timeout)


def lost(error: BaseException) -> WorkError:
    """What it means that the processes cannot talk to each other any more."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    return WorkError(
        f"another process of this training ended or gives no answer ({reason}): the checkpoints stay; "
        "look at what it said, and start all of them again to continue"
    )


@contextlib.contextmanager
def talking() -> Iterator[None]:
    """Whatever goes wrong while processes exchange something, as ``lost``."""
    try:
        yield
    except RuntimeError as error:
        raise lost(error) from error


@contextlib.contextmanager
def obeying() -> Iterator[None]:
    """Let a signal end the process even while torch waits inside of its own code for a process that is no more."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    reading.settimeout(0.5)
    over = threading.Event()
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_end_when_deaf, args=(reading, over), name="signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        watcher.join()
        reading.close()
        writing.close()


def _end_when_deaf(reading: socket.socket, over: threading.Event) -> None:
    endings = {getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")}
    while not over.is_set():
        try:
            received = set(reading.recv(64))
        except TimeoutError:
            continue
        except OSError:
            return
        asked = [n for n in received & endings if signal.getsignal(n) not in (signal.SIG_IGN, signal.SIG_DFL)]
        if asked and not over.wait(_GRACE):
            print("l4f-datagen: interrupted; what was finished stays", file=sys.stderr, flush=True)
            os._exit(130)


class _Waiting:
    """How long, and for whom; speaks when it begins to take long."""

    def __init__(self, rank: int, count: int, place: str, seconds: float):
        self.rank, self.count, self.place, self.seconds = rank, count, place, seconds
        self._start = time.monotonic()
        self._next = self._start + 2.0

    def step(self, there: int | None) -> None:
        """A short pause. ``there``: how many have come; None: not even the first one is seen.

        Raises:
            WorkError: it was too long.
        """
        whom = (
            f"process 0 at {self.place}" if there is None
            else f"{self.count - there} of {self.count} processes to come to {self.place}"
        )  # fmt: skip
        now = time.monotonic()
        if now - self._start > self.seconds:
            raise WorkError(
                f"process {self.rank} of {self.count} waited {self.seconds:g} s for {whom}: start all of them, "
                "with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE and a RANK each, as torchrun does; or "
                f"unset RANK and WORLD_SIZE to train in one process; {WAIT_VARIABLE} changes how long they wait"
            )
        if now >= self._next:
            self._next = now + _TELL
            logger.warning(
                "process %d of %d waits for %s, %.0f s more", self.rank, self.count, whom,
                self.seconds - (now - self._start),
            )  # fmt: skip
        time.sleep(_LOOK)


def _number(name: str) -> int | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.removeprefix("-").isdecimal() or len(text) > 9:
        raise UserError(
            name, got=text[:40], expected="a whole number, as torchrun and accelerate launch set it",
            remedy="correct it in the environment, or unset it to train in one process",
        )  # fmt: skip
    return int(text)


def _check(numbers: dict[str, int], count: int, *, cpu: bool) -> int:
    """The rank of this process.

    Raises:
        UserError: the numbers do not go together.
    """
    remedy = "use torchrun or accelerate launch, or unset RANK and WORLD_SIZE to train in one process"

    def refuse(name: str, expected: str) -> UserError:
        return UserError(name, got=numbers.get(name, "nothing"), expected=expected, remedy=remedy)

    if count < 1:
        raise refuse("WORLD_SIZE", "at least 1")
    if not 0 <= numbers.get("RANK", -(count > 1)) < count:
        raise refuse("RANK", f"0 to {count - 1}, since WORLD_SIZE is {count}")
    if not 0 < numbers.get("MASTER_PORT", 29500) < 1 << 16:
        raise refuse("MASTER_PORT", "a port, 1 to 65535")
    rank = numbers.get("RANK", 0)
    if count > 1:
        local = numbers.setdefault("LOCAL_RANK", rank)
        if local < 0 or (not cpu and local >= torch.cuda.device_count()):
            raise refuse("LOCAL_RANK", "at least 0" if cpu else f"a GPU, 0 to {torch.cuda.device_count() - 1}")
    return rank


def _open_store(host: str, port: int, count: int, rank: int, waiting: _Waiting) -> TCPStore:
    """What the processes meet at; the first one holds it, unless a launcher does."""
    if rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        try:
            # It listens at all of the machine's addresses, whatever the others call it.
            return TCPStore("127.0.0.1", port, count, True, timedelta(seconds=60), wait_for_workers=False)
        except (RuntimeError, ValueError) as error:
            reason = (str(error).strip().splitlines() or [""])[0][:120]
            raise UserError(
                "MASTER_ADDR and MASTER_PORT", got=f"{host}:{port}, where process 0 cannot listen ({reason})",
                expected="an address of this machine and a free port", remedy="change them in the environment",
            ) from error  # fmt: skip
    while not _listens(host, port):
        waiting.step(None)
    try:
        return TCPStore(host, port, count, False, timedelta(seconds=60), wait_for_workers=False)
    except (RuntimeError, ValueError) as error:
        raise lost(error) from error


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_TRY).close()
    except socket.gaierror as error:
        raise UserError(
            "MASTER_ADDR", got=f"{host}, a host whose name nobody knows", expected="the machine of process 0",
            remedy="change it in the environment",
        ) from error  # fmt: skip
    except OSError:
        return False
    return True


def _count_in(store: Store, rank: int, count: int, waiting: _Waiting) -> None:
    try:
        store.set(f"here/{rank}", "1")
        while (there := sum(store.check([f"here/{other}"]) for other in range(count))) < count:
            waiting.step(there)
    except RuntimeError as error:  # process 0 is gone
        raise lost(error) from error
