"""Small hostile files: each is refused in one line, in bounded time of the processor and bounded memory."""

import json
import re
import sys

import pytest

from .. import forked
from . import hostile

SECONDS, MEMORY, LARGE = 10, 1 << 30, 300_000
_PROGRAM = """
import json, os, resource, sys, time
import torch
from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights.inspection import inspect

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(name + ":"))

def read(path, pipe):
    resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + (3 << 30), resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + SECONDS + 1, resource.RLIM_INFINITY))
    before, told = status("VmRSS"), []
    # All loaders read a file in one way, so the large ones are read by one of them.
    large = os.path.isfile(path) and os.path.getsize(path) > LARGE
    loaders = (weights.load_generator, weights.load_alpha, weights.load_segmenter)[: 1 if large else 3]
    for load in (*loaders, inspect):
        try:
            found = load(path)
            told.append(getattr(found, "problem", None) or "loaded")
        except UserError as error:
            told.append(str(error))
    os.write(pipe, json.dumps([told, status("VmHWM") - before]).encode())

torch.set_num_threads(1)
weights.load_generator("vessels")
for path in sys.argv[1:]:
    receiving, sending = os.pipe()
    child = os.fork()
    if not child:
        try:
            read(path, sending)
        finally:
            os._exit(0)
    os.close(sending)
    with open(receiving, "rb") as file:
        answer = file.read()
    _, ended, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    print(json.dumps([ended, seconds, *(json.loads(answer) if answer else [None, 0])]), flush=True)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Name → (words, how the process ended, its seconds, what it was told, bytes that it took)."""
    made = hostile.write(tmp_path_factory.mktemp("hostile"))
    program = _PROGRAM.replace("SECONDS", str(SECONDS)).replace("LARGE", str(LARGE))
    paths = [str(path) for path, _ in made.values()]
    script = tmp_path_factory.mktemp("reading") / "program.py"
    script.write_text(program)
    (done,) = forked.together(str(script), [paths])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(made), done.stderr
    return {name: (words, *line) for (name, (_, words)), line in zip(made.items(), lines, strict=True)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.parametrize("name", [*hostile.FILES, *(f"card: {name}" for name in hostile.CARDS)])
def test_it_is_refused_within_bounds(name, answers):
    words, ended, seconds, told, memory = answers[name]
    assert ended == 0, f"the process ended with {ended} after {seconds:.1f} s"
    assert told is not None, "an error that is no UserError"
    # Of all four readings together.
    assert seconds < SECONDS and memory < MEMORY, (seconds, memory >> 20)
    for line in told:
        assert line != "loaded" and len(line) < 2000 and line.isprintable(), told
    assert any(re.search(words, line) for line in told), told
