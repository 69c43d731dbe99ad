"""Standard streams of every kind: results and exit codes stay the same, and nothing ends in a traceback."""

import ast
import contextlib
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import l4f_datagen
from l4f_datagen.making.render import render
from l4f_datagen.process import streams
from l4f_datagen.settings import RenderSettings
from tests import forked

PACKAGE = Path(l4f_datagen.__file__).parent
COMMAND = f'"{sys.executable}" -m l4f_datagen'
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered") / "ü α"
    render(RenderSettings(n=2, size=16, samples_per_shard=2), folder)
    return folder


def shell(words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-c", words], cwd=folder, capture_output=True, env={**os.environ, **environment}, timeout=120
    )


REDIRECTIONS = {
    ">&-": 0,
    "2>&-": 0,
    "<&-": 0,
    "<&- >&- 2>&-": 0,
    "2>/dev/full": 0,
    ">/dev/full": 1,
    "| true": 0,
    "| head -c 1": 0,
    "2>&1 | true": 0,
}
WITH_TORCH = ("<&- >&- 2>&-", "2>/dev/full", ">/dev/full", "2>&1 | true")


@pytest.mark.parametrize(
    ("redirection", "environment", "torch"),
    [*((redirection, PLAIN, False) for redirection in REDIRECTIONS), *((one, {}, True) for one in WITH_TORCH)],
)
def test_results_are_there_wherever_the_words_go(redirection, environment, torch, tmp_path, rendered):
    """Commands that load torch take three times as long, so they are tried where the most goes wrong."""
    code = REDIRECTIONS[redirection]
    if not torch:
        words = f'stats "{rendered}" --json-file "ü α"'
    else:
        words = 'render vessels --n 2 --size 16 --samples-per-shard 2 --out "ü α"'
    ended = shell(f"{COMMAND} {words} {redirection}; exit ${{PIPESTATUS[0]}}", tmp_path, **environment)
    said = (ended.stdout + ended.stderr).decode("utf-8", "replace")
    assert ended.returncode == code and "Traceback" not in said and "Exception ignored" not in said, said
    (made,) = tmp_path.iterdir()
    if not torch:
        assert json.loads(made.read_text("utf-8"))["samples"] == 2
    else:
        assert (made / "metadata.parquet").is_file() and "checksum" in (made / "dataset.json").read_text("utf-8")
    if code:
        assert "No space left" in said


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16", "utf-8", "ascii:strict"])
def test_every_encoding(encoding, tmp_path):
    train = f"{COMMAND} train-alpha --preset paper --generator 'α ✓ ü.pkl' --out o --dry-run"
    words = f"{train}; {COMMAND} verify 'α ✓ ü'; echo $? >code"
    ended = shell(words, tmp_path, PYTHONIOENCODING=encoding)
    codec = encoding.partition(":")[0]
    assert "Traceback" not in ended.stderr.decode(codec, "replace")
    settings = ended.stdout.decode(codec)
    assert json.loads(settings.lstrip("\ufeff"))["generator"] == "α ✓ ü.pkl"
    assert (tmp_path / "code").read_text().strip() == "2"


def test_names_that_are_no_utf_8(tmp_path):
    name = os.fsdecode(b"n\xff")
    ended = subprocess.run([sys.executable, "-m", "l4f_datagen", "verify", name], cwd=tmp_path, capture_output=True)
    assert b"Traceback" not in ended.stderr, ended.stderr
    ended.stdout.decode(), ended.stderr.decode()
    for words in (["generate", "--n", "2", "--generator", name, "--out", "o"],
                  ["train-alpha", "--preset", "paper", "--generator", name, "--out", "o", "--dry-run"],
                  ["render", "vessels", "--n", "2", "--size", "16", "--out", name]):  # fmt: skip
        # Strictly decoded: a name that is no UTF-8 must have become something that is.
        assert "Traceback" not in forked.run(words, tmp_path).stderr, words
    assert (tmp_path / name / "dataset.json").is_file()


@pytest.mark.parametrize("columns", [0, 1, 7])
@pytest.mark.parametrize("words", [["--help"], ["render", "vessels", "--n", "2", "--size", "16", "--out", "o"]])
def test_narrow_terminals(columns, words, tmp_path):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "dumb", "NO_COLOR": "1"}
    terminal = os.ttyname(theirs)
    process = forked.Process(
        "l4f_datagen", words, folder=tmp_path, environment=environment, output=terminal, errors=terminal
    )
    said = bytearray()

    def listen():
        with contextlib.suppress(OSError):  # as a terminal ends that nobody has open any more
            while part := os.read(ours, 1 << 16):
                said.extend(part)

    listening = threading.Thread(target=listen)
    listening.start()
    ended = process.wait()
    os.close(theirs)
    listening.join()
    os.close(ours)
    assert ended == 0 and said and b"Traceback" not in said, said


def test_what_is_written_to_a_dead_stream_is_nobody_s_error(capsys):
    class Dead:
        encoding = "ascii"

        def write(self, *_):
            raise BrokenPipeError(32, "Broken pipe")

        flush = isatty = fileno = write

    stream = streams.Stream(Dead())
    print("α", file=stream, flush=True)  # fails, and says nothing
    stream.write("more")
    assert stream.failure.errno == 32 and not stream.isatty()
    with pytest.raises(TypeError):
        stream.write(b"bytes")


def _opens_text_without_encoding(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    keywords = {keyword.arg for keyword in call.keywords}
    if name == "read_text":
        return not call.args and "encoding" not in keywords
    if name == "write_text":
        return len(call.args) < 2 and "encoding" not in keywords
    if name not in ("open", "fdopen", "NamedTemporaryFile", "TextIOWrapper"):
        return False
    modes = [a.value for a in (*call.args, *(k.value for k in call.keywords)) if isinstance(a, ast.Constant)]
    texts = [m for m in modes if m in ("r", "w", "a", "x", "r+", "w+", "rt", "wt", "at")]
    return bool(texts) and "encoding" not in keywords


def test_every_text_file_is_utf_8():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                assert not _opens_text_without_encoding(node), f"{path.name}:{node.lineno}"
