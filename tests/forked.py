"""Command lines in processes forked from one that has loaded torch and the other libraries, but nothing of ours.

To load them takes longer than what most commands of a test do. Tests of how a process starts do not use this.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

SERVER = """
import atexit, contextlib, json, os, runpy, sys, traceback
import click, cv2, numpy, PIL.Image, pyarrow.parquet, pydantic, torch, torch.nn.functional, yaml

def begin(words, folder, environment, output, errors):
    for number, name, mode in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY), (2, errors, os.O_WRONLY)):
        os.dup2(os.open(name, mode), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["l4f-datagen", *words]
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]

def follow(*request):
    code = 1
    try:
        begin(*request)
        runpy.run_module("l4f_datagen", run_name="__main__", alter_sys=True)
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
    child = os.fork()
    if not child:
        follow(*request)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
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
    server = _server()
    with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
        request = [words, str(folder), dict(environment), output.name, errors.name]
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        texts = [Path(file.name).read_text("utf-8") for file in (output, errors)]
    return subprocess.CompletedProcess(words, code, *texts)
