"""Signals at any moment: 130, no traceback, and what was inherited as ignored stays ignored."""

import ast
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import l4f_datagen
from l4f_datagen.process import signals

from ..processes import PATIENCE

ROOT = Path(l4f_datagen.__file__).parents[1]

SLOW = """
import sys, time
import click
from l4f_datagen import cli
from l4f_datagen.cli.commands import Commands
from l4f_datagen.process import signals
signals._SAME_WISH = {wish}
@click.command()
def command():
    try:
        print("works", flush=True)
        {work}
    finally:
        print("ending", flush=True)
        {shutdown}
        print("ended", flush=True)
Commands.get_command = lambda self, context, name: command
sys.argv = ["l4f-datagen", "generate"]
cli.run()
"""


def handled(handler=signal.SIG_DFL, names=("SIGINT", "SIGTERM", "SIGHUP")):
    """For a child to begin with: it must not matter whether nohup or a shell's background started the tests."""
    return lambda: [signal.signal(getattr(signal, name), handler) for name in names]


SLEEP = f"time.sleep({PATIENCE})"
TOLD = 'assert sys.stdin.readline() == "go on\\n"'
"""A wait that the test ends: whatever it sent before has arrived by then, on however slow a machine."""
WITHIN = f"""
        import ctypes
        run = ctypes.pythonapi.PyRun_String
        run.restype, run.argtypes = ctypes.py_object, [ctypes.c_char_p, ctypes.c_int, *2 * [ctypes.py_object]]
        run(b"import time; print('within', flush=True); {SLEEP}", 257, {{}}, {{}})
"""  # 257 is Py_file_input


def start(work=SLEEP, shutdown="pass", wish=signals._SAME_WISH, begin=handled()):  # noqa: B008
    """A command that works and shuts down as these lines do; signals within ``wish`` seconds count as one."""
    program = SLOW.format(work=work, shutdown=shutdown, wish=wish)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([sys.executable, "-c", program], **pipes, text=True, preexec_fn=begin)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_one_signal(name):
    process = start()
    assert process.stdout.readline() == "works\n"
    process.send_signal(getattr(signal, name))
    out, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and out == "ending\nended\n"
    assert error.startswith("l4f-datagen: interrupted; what was finished stays") and error.count("\n") == 1


def test_one_while_a_compiled_module_runs_words(tmp_path):
    """Python marks such an interruption, and kills itself after a ``python -m`` though the exception was caught."""
    (tmp_path / "program.py").write_text(SLOW.format(work=WITHIN, shutdown="pass", wish=1.0))
    process = subprocess.Popen([sys.executable, "-m", "program"], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, preexec_fn=handled(),
                               env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert [process.stdout.readline() for _ in range(2)] == ["works\n", "within\n"]
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and out == "ending\nended\n"


def test_a_second_one_at_once_is_the_same_wish():
    process = start(shutdown=TOLD, wish=float(PATIENCE))
    assert process.stdout.readline() == "works\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ending\n"
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    out, error = process.communicate("go on\n", timeout=PATIENCE)
    assert process.returncode == 130 and out == "ended\n" and "Traceback" not in error


def test_a_later_one_ends_at_once():
    process = start(shutdown=SLEEP, wish=0.0)
    assert process.stdout.readline() == "works\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ending\n"
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and not out and "Traceback" not in error


def test_inherited_ignorance_stays_and_term_works():
    process = start(work=f'{TOLD}; print("goes on", flush=True); {SLEEP}', begin=handled(signal.SIG_IGN))
    assert process.stdout.readline() == "works\n"
    for name in ("SIGINT", "SIGHUP"):
        process.send_signal(getattr(signal, name))
    process.stdin.write("go on\n")
    process.stdin.flush()
    assert process.stdout.readline() == "goes on\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


MOMENTS = """
import os, runpy, signal, sys

class Moments:
    seen, ended = 0, []

    def find_spec(self, name, path=None, target=None):
        Moments.seen += 1
        if Moments.seen % {every} == 0 and name.partition(".")[0] != "encodings":
            child = os.fork()
            if child:
                Moments.ended.append((name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
            else:
                sys.meta_path.remove(self)
                os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Moments())
sys.argv = ["l4f_datagen", *"render vessels --n 2 --size 16 --out o".split()]
try:
    runpy.run_module("l4f_datagen", run_name="__main__", alter_sys=True)
except SystemExit as end:
    if Moments in map(type, sys.meta_path):
        print("whole", end.code, Moments.ended)
    raise
"""


def test_at_any_moment(tmp_path):
    """While a command loads what it needs and works: before every 90th import a process splits off and is ended."""
    (tmp_path / "program.py").write_text(MOMENTS.format(every=90))
    process = subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, text=True,
                             preexec_fn=handled(), env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    told = process.stdout.splitlines()[-1]
    assert told.startswith("whole 0 ") and "Traceback" not in process.stderr, process.stdout + process.stderr
    ended = ast.literal_eval(told.removeprefix("whole 0 "))
    assert len(ended) > 10 and {code for _, code in ended} == {130}, ended
    assert any("torch" in name for name, _ in ended)


def test_handlers_are_given_back():
    before = [signal.getsignal(number) for number in signals._numbers()]
    with pytest.raises(KeyboardInterrupt), signals.interrupting():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    assert signals.received() and [signal.getsignal(number) for number in signals._numbers()] == before


def test_children_are_deaf_before_they_can_be():
    """One that is still importing when all are told says nothing: what comes then waits until it is ignored."""
    program = "print('up', flush=True); input(); from l4f_datagen.process import signals; signals.deaf(); print('deaf')"
    with signals.held_back():
        child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=handled())  # fmt: skip
    assert child.stdout.readline() == "up\n"
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        child.send_signal(getattr(signal, name))
    assert child.communicate("\n", timeout=PATIENCE) == ("deaf\n", "") and child.returncode == 0


def test_signals_are_only_held_back():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with pytest.raises(KeyboardInterrupt), signals.interrupting():
        with signals.held_back():
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            waits = signal.SIGTERM in signal.sigpending()
        pytest.fail("the signal is lost")
    assert waits and signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
