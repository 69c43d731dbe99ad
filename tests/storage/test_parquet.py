"""Parquet files are read in the thread that asks, in one place, and within bounds."""

import ast
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import l4f_datagen
from l4f_datagen.making.render import render
from l4f_datagen.settings import RenderSettings
from l4f_datagen.storage import parquet
from tests.processes import PATIENCE

PACKAGE = Path(l4f_datagen.__file__).parent
ROWS = pa.table(
    {"key": [f"{i}" for i in range(10)], "box": [[i, i] for i in range(10)], "area": [i / 7 for i in range(10)]}
)


@pytest.fixture
def path(tmp_path) -> Path:
    pq.write_table(ROWS, tmp_path / "rows.parquet", row_group_size=4)
    return tmp_path / "rows.parquet"


def test_what_was_written_is_read(path):
    for source in (path, str(path), path.read_bytes(), path.open("rb"), parquet.open_file(path)):
        assert parquet.read_table(source).equals(ROWS)
    assert parquet.read_table(path, groups=[1]).equals(ROWS.slice(4, 4))
    assert parquet.read_table(path, groups=[2], columns=["area"]).equals(ROWS.slice(8).select(["area"]))
    assert parquet.read_table(path, columns=["box", "key"]).equals(ROWS.select(["box", "key"]))
    assert parquet.read_table(path, groups=[]).equals(ROWS.slice(0, 0))


def test_an_empty_file_of_rows_has_their_columns(tmp_path):
    pq.write_table(ROWS.slice(0, 0), tmp_path / "none.parquet")
    assert parquet.read_table(tmp_path / "none.parquet").equals(ROWS.slice(0, 0))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"", lambda content: b"PAR1", lambda content: bytes(len(content)), lambda content: content[:-9],
        lambda content: content[9:], lambda content: content[:40] + bytes(200) + content[240:],
        lambda content: content[:-8] + b"\xff\xff\xff\x7f" + content[-4:], lambda content: b"<html>" * 40,
    ],
    ids=["empty", "magic", "zeros", "cut", "beheaded", "hole", "huge footer", "another file"],
)  # fmt: skip
def test_damage_is_one_error_of_one_line(path, damage):
    with pytest.raises(parquet.Broken) as caught:
        parquet.read_table(damage(path.read_bytes()))
    assert "\n" not in str(caught.value) and str(caught.value)


def test_what_is_not_there(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        parquet.read_table(tmp_path / "nothing")
    with pytest.raises(parquet.Broken, match="no column colour"):
        parquet.read_table(path, columns=["key", "colour"])
    with pytest.raises(parquet.Broken, match="3 groups of rows; the one with number 3 is wanted"):
        parquet.read_table(path, groups=[3])


def test_equal_cells_do_not_fill_the_memory(tmp_path):
    """A few kilobytes in a file, half a gigabyte as rows."""
    cell = os.urandom(1 << 10) * (1 << 10)
    table = pa.table({"image": pa.DictionaryArray.from_arrays(pa.array([0] * 512, pa.int32()), pa.array([cell]))})
    pq.write_table(table, tmp_path / "equal.parquet", store_schema=False)
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    with pytest.raises(parquet.Broken, match="take more than 64 MiB"):
        parquet.read_table(tmp_path / "equal.parquet", most_bytes=64 << 20)
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()
    assert pa.total_allocated_bytes() - before < 200 << 20


PROGRAM = """
import os, sys, time
import cv2, pyarrow.parquet, l4f_datagen as l4f, numpy
cv2.setNumThreads(1)  # else it has a thread of its own
from l4f_datagen.{module} import {names}
before = set(os.listdir("/proc/self/task"))
{program}
end = time.monotonic() + {patience}  # a thread that was joined may be the system's for a moment more
while set(os.listdir("/proc/self/task")) - before and time.monotonic() < end:
    time.sleep(0.01)
assert not set(os.listdir("/proc/self/task")) - before, "threads were started and are still there"
assert "pyarrow.dataset" not in sys.modules
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted on Linux")
@pytest.mark.parametrize(
    ("module", "names", "program"),
    [
        ("shards.verify.verification", "verify", "assert not verify(sys.argv[1]).findings"),
        ("making.trunk", "finalize", "os.remove(sys.argv[1] + '/metadata.parquet'); finalize(sys.argv[1])"),
        ("analysis.distributions", "measure", "measure(l4f.open_dataset(sys.argv[1]))"),
        ("storage.parquet", "read_table", "read_table(sys.argv[1] + '/metadata.parquet')"),
        (
            "storage.parquet",
            "open_file, read_table",
            "read_table(open(sys.argv[1] + '/00000_rows.pq', 'rb'), groups=[0])",
        ),
    ],
    ids=["verify", "finalize", "stats", "path", "file"],
)
def test_no_thread_outlives_a_read(tmp_path, module, names, program):
    render(RenderSettings(n=4, size=16, samples_per_shard=2), tmp_path / "s")
    words = PROGRAM.format(module=module, names=names, program=program, patience=PATIENCE)
    done = subprocess.run([sys.executable, "-c", words, str(tmp_path / "s")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


READERS = ("read_table", "ParquetFile", "ParquetDataset", "read_metadata", "read_schema", "read_pandas")


def test_nothing_else_reads_parquet_files():
    for path in PACKAGE.rglob("*.py"):
        if path != PACKAGE / "storage" / "parquet.py":  # this is where they are read
            check_reads_none(path)


def check_reads_none(path):
    text = path.read_text(encoding="utf-8")
    if "pyarrow" not in text:  # as in most files: to parse them all takes seconds
        return
    tree = ast.parse(text)
    names = {node.attr: node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for name in (*READERS, "dataset"):
        owner = ast.unparse(names[name]) if name in names else ""
        annotation = name == "ParquetFile" and "pq.ParquetFile(" not in text
        assert owner not in ("pq", "pa", "pyarrow", "pyarrow.parquet") or annotation, f"{path}: {owner}.{name}"
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "pyarrow.dataset" not in modules, path
