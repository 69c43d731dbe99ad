"""Too little memory, failing devices and the system's own errors: one line that names what to change, exit 1."""

import errno
import os
import sys

import click
import numpy as np
import pytest
import torch

from l4f_datagen import cli
from l4f_datagen.cli import failures, main
from l4f_datagen.cli.commands import command_names
from tests import forked
from tests.filled import filled

GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB")
CPU = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8589934592 bytes.")


def commands() -> dict[str, click.Command]:
    found = {}
    for name in command_names():
        command = cli.group.get_command(None, name)
        if name == "evaluate":
            found |= {f"{name} {sub}": command.get_command(None, sub) for sub in command.list_commands(None)}
        else:
            found[name] = command
    return found


@pytest.mark.parametrize("name", failures.MEMORY)
def test_the_settings_that_are_named_are_the_commands(name):
    command = commands()[name]
    commanded = command.commands.values() if isinstance(command, click.Group) else [command]
    for one in commanded:
        options = {option for parameter in one.params for option in parameter.opts}
        assert set(failures.MEMORY[name]) <= options


def test_no_command_with_a_batch_size_is_forgotten():
    for name, command in commands().items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert ("--batch-size" in failures.remedies(name.split())) or "--batch-size" not in options, name


def test_options_before_the_command_do_not_hide_it():
    assert failures.remedies(["-q", "evaluate", "frechet", "a"]) == failures.MEMORY["evaluate frechet"]
    assert failures.remedies(["nothing"]) == []


@pytest.mark.parametrize(
    "error", [GPU, CPU, MemoryError(), np._core._exceptions._ArrayMemoryError((1 << 30,), np.dtype("f4"))], ids=repr
)
@pytest.mark.parametrize("name", commands())
def test_too_little_memory_anywhere_in_a_command(name, error, capsys, monkeypatch):
    def invoke(context):
        raise error

    monkeypatch.setattr(cli.group, "invoke", invoke)
    assert main([*name.split(), "--batch-size", "64", "--n=9"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("l4f-datagen: not enough memory (")
    for flag in failures.MEMORY.get(name, ()):
        assert flag in told
    if "--batch-size" in failures.MEMORY.get(name, ()):
        assert "--batch-size (now 64)" in told
    if error in (GPU, CPU):
        assert f"{2 if error is GPU else 8}.0 GiB at once were asked for" in told


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "no room left (No space left on device)"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/a/b"), "/a/b: no room left (Disk quota exceeded)"),
        (OSError(errno.EIO, os.strerror(errno.EIO), "/a/b"), "Input/output error: /a/b"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/a/b"), "ulimit -n"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "/a/b"), "Read-only file system: /a/b"),
        (RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might"), "the device failed (CUDA"),
        (RuntimeError("can't start new thread"), "not enough memory"),
    ],
    ids=str,
)
def test_errors_of_the_machine(error, words, capsys, monkeypatch):
    def invoke(context):
        raise error

    monkeypatch.setattr(cli.group, "invoke", invoke)
    assert main(["generate"]) == 1
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


def test_our_own_mistakes_keep_their_traceback(monkeypatch):
    def invoke(context):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(cli.group, "invoke", invoke)
    with pytest.raises(RuntimeError, match="do not fit"):
        main(["generate"])


LIMITED = """
import ctypes, resource, sys
ctypes.CDLL(None).mallopt(-8, 1)  # M_ARENA_MAX: what threads set aside for themselves is not counted on
from l4f_datagen.cli import main
main(["--version"])
{imports}
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (300 << 20),) * 2)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("words", "flag"),
    [
        ("generate --n 4096 --batch-size 4096 --threshold 0.5 --device cpu --out @/out", "--batch-size"),
        ("evaluate alpha --n 4096 --batch-size 4096 --device cpu --export-images @/out", "--batch-size"),
        ("analyze layers --n 4096 --batch-size 4096 --device cpu --out @/out", "--batch-size"),
    ],
)
def test_a_process_that_gets_no_more_memory(words, flag, tmp_path):
    imports = (
        "import torch, cv2, pyarrow.parquet, l4f_datagen.engines.local, l4f_datagen.evaluation.alpha, "
        "l4f_datagen.analysis.report, matplotlib.figure"
    )
    (tmp_path / "program.py").write_text(LIMITED.format(imports=imports))
    (done,) = forked.together(str(tmp_path / "program.py"), [filled(words, at=tmp_path)])
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1, done.stderr
    assert last.startswith("l4f-datagen: not enough memory"), done.stderr
    assert flag in last
    assert "Traceback" not in done.stderr
