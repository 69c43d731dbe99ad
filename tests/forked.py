"""Commands and programs in processes forked from one that has loaded torch and other libraries, but nothing of ours.

To load them takes longer than what most commands of a test do. Tests of how a process starts do not use this.
"""

import atexit
import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from l4f_datagen.engines import workers as engine_workers

from .processes import free_port

ROOT = Path(__file__).parents[1]
SERVER = """
import atexit, contextlib, importlib, json, os, runpy, sys, traceback
import click, cv2, numpy, PIL.Image, pyarrow.parquet, pydantic, torch, torch.nn.functional, yaml

def begin(target, words, folder, environment, output, errors):
    os.setsid()
    for number, name, mode in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY), (2, errors, os.O_WRONLY)):
        os.dup2(os.open(name, mode), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [target, *words]
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]

def follow(target, *request):
    code = 1
    try:
        begin(target, *request)
        if target.endswith(".py"):
            runpy.run_path(target, run_name="__main__")
        else:
            runpy.run_module(target, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)

assert not [name for name in sys.modules if name.startswith("l4f_datagen")]
print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if isinstance(request, str):
        told = importlib.import_module(request).__name__
    elif isinstance(request, list):
        told = os.fork()
        if not told:
            follow(*request)
    else:
        child, status = os.waitpid(request["child"], 0 if request["wait"] else os.WNOHANG)
        told = os.waitstatus_to_exitcode(status) if child else None
    print(json.dumps(told), flush=True)
"""


@cache
def _server() -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=tempfile.gettempdir(), env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    atexit.register(process.kill)
    assert process.stdout.readline() == "ready\n"
    return process


def _ask(request):
    server = _server()
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


class Process:
    """A module or a script, by its name, as ``python -m`` or ``python`` runs it; the head of a session of its own.

    As a context manager it is killed at the end of the block, if it has not ended by then.

    Args:
        output, errors: files that are there, for its standard output and errors. Whoever gives a pipe by its name
            opens the other end after this.
    """

    def __init__(
        self,
        target: str,
        words: list[str],
        *,
        folder: Path = ROOT,
        environment: Mapping[str, str] | None = None,
        output: str = os.devnull,
        errors: str = os.devnull,
    ):
        environment = dict(os.environ if environment is None else environment)
        if any(str(word).startswith("train-") or word == "run" for word in words):
            load_what_trains()
        self.pid = _ask([target, [*map(str, words)], str(folder), environment, output, errors])
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended; None while it has not."""
        if self.returncode is None:
            self.returncode = _ask({"child": self.pid, "wait": False})
        return self.returncode

    def wait(self) -> int:
        """How it ended; a signal's number is negative."""
        if self.returncode is None:
            self.returncode = _ask({"child": self.pid, "wait": True})
        return self.returncode

    def send_signal(self, number: int) -> None:
        """To the process alone, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """At once."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self.wait()


def run(
    words: list[str], folder: Path = ROOT, environment: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m l4f_datagen WORDS`` in a folder, whose package it is if it holds one."""
    (ended,) = together("l4f_datagen", [words], folder, [environment])
    return ended


def two_processes(program: str, words: list[str], folder: Path) -> None:
    """Run a program twice at once, as torchrun starts two processes that train together, and wait for both."""
    script = folder / "program.py"
    script.write_text(program)
    load_what_trains()
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    shared = {**os.environ, "PYTHONPATH": paths, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    with free_port() as port:
        shared |= {"MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
        each = [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in (0, 1)]
        for ended in together(str(script), [words] * 2, folder, each):
            assert ended.returncode == 0, ended.stdout + ended.stderr


def load_what_trains() -> None:
    """Have all processes from here on begin with the libraries that every training loads, which takes seconds."""
    for module in ("accelerate", "torch._dynamo", "torch.distributed.launcher.api"):
        _ask(module)


def workers(patch: pytest.MonkeyPatch) -> None:
    """Have the worker processes of this machine forked from one that has loaded torch, where each would load it anew.

    What they are given is pickled as for those that are spawned.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cv2", "numpy", "pyarrow.parquet", "pydantic", "torch", "yaml"])
    patch.setattr(engine_workers, "multiprocessing", SimpleNamespace(get_context=lambda method: context))


def together(
    target: str,
    jobs: Sequence[list[str]],
    folder: Path = ROOT,
    environments: Sequence[Mapping[str, str]] | None = None,
) -> list[subprocess.CompletedProcess[str]]:
    """Run a process for the words of every job, all at once, and wait for all of them."""
    environments = environments or [os.environ] * len(jobs)
    with contextlib.ExitStack() as stack:
        files = [[stack.enter_context(tempfile.NamedTemporaryFile()) for _ in range(2)] for _ in jobs]
        processes = [
            Process(target, words, folder=folder, environment=environment, output=output.name, errors=errors.name)
            for words, environment, (output, errors) in zip(jobs, environments, files, strict=True)
        ]
        codes = [process.wait() for process in processes]
        texts = [[Path(file.name).read_text("utf-8") for file in pair] for pair in files]
    return [subprocess.CompletedProcess(*ended, *pair) for *ended, pair in zip(jobs, codes, texts, strict=True)]
