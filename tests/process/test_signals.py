"""Signals at any moment: 130, no traceback, and what was inherited as ignored stays ignored."""

import contextlib
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

ROOT = Path(l4f_datagen.__file__).parents[1]

SLOW = """
import sys, time
import click
from l4f_datagen import cli
from l4f_datagen.cli.commands import Commands
@click.command()
def command():
    try:
        print("works", flush=True)
        time.sleep({work})
    finally:
        print("ending", flush=True)
        time.sleep({shutdown})
        print("ended", flush=True)
Commands.get_command = lambda self, context, name: command
sys.argv = ["l4f-datagen", "generate"]
cli.run()
"""


def handled(handler=signal.SIG_DFL, names=("SIGINT", "SIGTERM", "SIGHUP")):
    """For a child to begin with: it must not matter whether nohup or a shell's background started the tests."""
    return lambda: [signal.signal(getattr(signal, name), handler) for name in names]


WITHIN = """
        import ctypes
        run = ctypes.pythonapi.PyRun_String
        run.restype, run.argtypes = ctypes.py_object, [ctypes.c_char_p, ctypes.c_int, *2 * [ctypes.py_object]]
        run(b"import time; time.sleep(60)", 257, {{}}, {{}})
"""  # 257 is Py_file_input


def start(work=60.0, shutdown=0.0, begin=handled()):  # noqa: B008
    program = SLOW.format(work=work, shutdown=shutdown)
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=begin)  # fmt: skip


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_one_signal(name):
    process = start()
    assert process.stdout.readline() == "works\n"
    process.send_signal(getattr(signal, name))
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "ending\nended\n"
    assert error.startswith("l4f-datagen: interrupted; what was finished stays") and error.count("\n") == 1


def test_one_while_a_compiled_module_runs_words(tmp_path):
    """Python marks such an interruption, and kills itself after a ``python -m`` though the exception was caught."""
    (tmp_path / "program.py").write_text(SLOW.replace("time.sleep({work})", WITHIN).format(shutdown=0))
    process = subprocess.Popen([sys.executable, "-m", "program"], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, preexec_fn=handled(),
                               env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert process.stdout.readline() == "works\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "ending\nended\n"


def test_a_second_one_at_once_is_the_same_wish():
    process = start(shutdown=0.5)
    assert process.stdout.readline() == "works\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ending\n"
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "ended\n" and "Traceback" not in error


def test_a_later_one_ends_at_once():
    process = start(shutdown=300)
    assert process.stdout.readline() == "works\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ending\n"
    time.sleep(1.5 * signals._SAME_WISH)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in error


def test_inherited_ignorance_stays_and_term_works():
    process = start(begin=handled(signal.SIG_IGN))
    assert process.stdout.readline() == "works\n"
    for name in ("SIGINT", "SIGHUP"):
        process.send_signal(getattr(signal, name))
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    process.communicate()


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.3, 0.6])
def test_at_any_moment(delay, tmp_path):
    words = [sys.executable, "-m", "l4f_datagen", "render", "vessels", "--n", "2", "--size", "16", "--out", "o"]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               preexec_fn=handled())  # fmt: skip
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.4 + delay)  # the interpreter's own start is not ours
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode in (0, 130, -signal.SIGTERM) and "Traceback" not in error, error


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
    assert child.communicate("\n", timeout=60) == ("deaf\n", "") and child.returncode == 0


def test_signals_are_only_held_back():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with pytest.raises(KeyboardInterrupt), signals.interrupting():
        with signals.held_back():
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            waits = signal.SIGTERM in signal.sigpending()
        pytest.fail("the signal is lost")
    assert waits and signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
