"""The notebooks in examples/ run from the first cell to the last, in their quick form."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import l4f_datagen as l4f

from . import forked
from .pages import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request):
    return request.param


def test_it_is_a_notebook_without_results(notebook):
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cells = content["cells"]
    assert (content["nbformat"], content["nbformat_minor"]) >= (4, 5) and cells[0]["cell_type"] == "markdown"
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        assert cell["cell_type"] in ("code", "markdown") and cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


def test_it_runs(notebook, tmp_path, monkeypatch):
    """As a kernel does it, less its sockets: the cells one after the other, in one namespace. Commands are forked."""

    def run(words, **options):
        assert words[:3] == [sys.executable, "-m", "l4f_datagen"] and options == {"capture_output": True, "text": True}
        return forked.run(words[3:], Path.cwd(), os.environ)

    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    for name, value in {"L4F_QUICK": "1", "L4F_OUT": "out", "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert len(l4f.open_dataset(tmp_path / "out" / "shards")) == 40
    rows = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert "miou" in json.dumps(rows).lower()
