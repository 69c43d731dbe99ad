"""Commands and programs in processes forked from one that has loaded torch and other libraries, but nothing of ours.

To load them takes longer than what most commands of a test do. Tests of how a process starts do not use this.
"""

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVER = """
import atexit, contextlib, json, os, runpy, sys, traceback
import click, cv2, numpy, PIL.Image, pyarrow.parquet, pydantic, torch, torch.nn.functional, yaml

def begin(target, words, folder, environment, output, errors):
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
    children = []
    for request in json.loads(line):
        children.append(os.fork())
        if not children[-1]:
            follow(*request)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]), flush=True)
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


def run(words: list[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``python -m l4f_datagen WORDS`` in a folder, whose package it is if it holds one."""
    (ended,) = _together([("l4f_datagen", words, str(folder), dict(environment))])
    return ended


def two_processes(program: str, words: list[str], folder: Path) -> None:
    """Run a program twice at once, as torchrun starts two processes that train together, and wait for both."""
    script = folder / "program.py"
    script.write_text(program)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    shared = {**os.environ, "PYTHONPATH": paths, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    shared |= {"MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    each = [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in (0, 1)]
    for ended in _together([(str(script), words, str(folder), environment) for environment in each]):
        assert ended.returncode == 0, ended.stdout + ended.stderr


def _together(requests: list[tuple[str, list[str], str, dict[str, str]]]) -> list[subprocess.CompletedProcess[str]]:
    server = _server()
    with contextlib.ExitStack() as stack:
        files = [[stack.enter_context(tempfile.NamedTemporaryFile()) for _ in range(2)] for _ in requests]
        lines = [[*request, *(file.name for file in pair)] for request, pair in zip(requests, files, strict=True)]
        server.stdin.write(json.dumps(lines) + "\n")
        server.stdin.flush()
        codes = json.loads(server.stdout.readline())
        texts = [[Path(file.name).read_text("utf-8") for file in pair] for pair in files]
    ended = zip(requests, codes, texts, strict=True)
    return [subprocess.CompletedProcess(request[1], code, *pair) for request, code, pair in ended]
