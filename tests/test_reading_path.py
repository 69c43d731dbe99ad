"""How a flag becomes bytes is read in few files, and the design's page names them."""

import json
import re
import subprocess
import sys

from .pages import PAGES
from .test_layers import FILES, NAME, PACKAGE, graph

MOST = 15
SAMPLES = 48
"""More than a command has options: what is done for each of these must not pass for what is done for a sample."""
ABOVE = ("cli", "experiment", "engines", "making", "generation", "shards", "masks", "scores")
"""Folders and files in which the path lies; the others are networks, what they are read from, and lower floors."""
PROGRAM = """
import collections, json, os, sys, threading
import l4f_datagen, l4f_datagen.experiment.stages.generate
from l4f_datagen.cli import main

calls = collections.Counter()

def count(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_flags & 1 and code.co_name[0] != "<":  # functions, not what stands inside brackets
        calls[frame.f_code.co_filename, frame.f_code.co_name] += 1

words = ["generate", "--n", "SAMPLES", "--batch-size", "1", "--out", sys.argv[1]]
threading.setprofile(count)
sys.setprofile(count)
code = main(words)
sys.setprofile(None)
threading.setprofile(None)
folder = os.path.dirname(l4f_datagen.__file__)
often = {file for (file, _), number in calls.items() if number >= SAMPLES and file.startswith(folder)}
print(json.dumps([code, sorted(os.path.relpath(file, folder) for file in often)]))
""".replace("SAMPLES", str(SAMPLES))


def path() -> list[str]:
    """The files of the page, in its order."""
    page = PAGES["docs/design.md"]
    part = page[page.index("### From a flag to a byte") :]
    return re.findall(r"^\d+\. `([\w/.]+)`: ", part, re.MULTILINE)


def imported(name: str) -> set[str]:
    """Files that a file imports; what it takes from a package is from the files that the package takes it from."""
    found = set(graph()[name])
    for one in graph()[name]:
        if FILES[one].name == "__init__.py":
            found |= graph()[one]
    return found


def test_the_path_is_short_and_each_file_follows_from_one_before_it():
    files = [f"{NAME}.{file.removesuffix('.py').replace('/', '.')}" for file in path()]
    assert 10 <= len(files) == len(set(files)) <= MOST
    reached = {files[0]}
    for file in files:
        assert file in FILES, file
        assert file in reached, f"nothing before {file} imports it"
        reached |= imported(file)


def test_all_that_runs_for_every_sample_stands_on_the_path(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "s")], capture_output=True, text=True, check=True
    )
    code, found = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    mine = {file for file in found if file.removesuffix(".py").partition("/")[0] in ABOVE}
    assert mine <= set(path())
    assert {"making/trunk.py", "generation/batch.py", "shards/writer.py"} <= mine
    assert all((PACKAGE / file).exists() for file in mine)
