"""A few hundred cases of every kind, and the harness itself: it sees what it is there to see."""

import importlib
import textwrap

import pytest

from . import run as fuzz

FEW = 90


@pytest.mark.parametrize("kind", fuzz.kinds())
def test_changed_files_are_read_or_refused(kind):
    module = importlib.import_module(f"tests.fuzz.{kind}")
    count = getattr(module, "IN_SUITE", FEW)
    result = fuzz.run(kind, count)
    assert not result.failures, "\n".join(result.failures)
    # Both happen, else the changes were too mild or too harsh to find anything.
    refuses = getattr(module, "REFUSES", True)
    assert result.outcomes["read"] >= count // 50 and result.outcomes["refused"] >= count // 10 * refuses, result


BAD = {
    "a stray exception": ("{}['key']", "KeyError"),
    "a crash": ("os.kill(os.getpid(), 11)", "SIGSEGV"),
    "an end": ("os._exit(3)", "ended with 3"),
    "a lot of memory": ("len(b'x' * (1100 << 20))", "MiB"),
    "more than there is": ("bytearray(1 << 40)", "MemoryError"),
    "a hang that computes": ("9 ** 9 ** 9", "seconds of the processor"),
    "a message of two lines": ("exec('raise UserError(chr(27), got=1, expected=2, remedy=3)')", "not one line"),
    "an endless message": ("exec('raise WorkError(\"a\" * 10000)')", "10000 characters"),
}


@pytest.mark.parametrize("case", BAD)
def test_the_harness_sees(case, tmp_path, monkeypatch):
    statement, words = BAD[case]
    program = f"""
        import os
        from l4f_datagen.errors import UserError, WorkError

        def seeds():
            return {{"whole": b"whole"}}

        def read(content):
            content == b"whole" or {statement}
    """
    folder = tmp_path / "tests" / "fuzz"
    folder.mkdir(parents=True)
    for name in ("__init__", "cases", "mutations"):
        (folder / f"{name}.py").write_bytes((fuzz.ROOT / "tests" / "fuzz" / f"{name}.py").read_bytes())
    (tmp_path / "tests" / "__init__.py").touch()
    (tmp_path / "l4f_datagen").symlink_to(fuzz.ROOT / "l4f_datagen")
    (folder / "bad.py").write_text(textwrap.dedent(program))
    monkeypatch.setattr(fuzz, "ROOT", tmp_path)
    # To fill memory takes seconds of a busy machine's processor.
    result = fuzz.run("bad", 1, seconds=1 if "hang" in case else 10)
    assert len(result.failures) == 1 and words in result.failures[0], result.failures
    assert "--case" in result.failures[0]
