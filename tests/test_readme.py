"""What the README shows, runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from l4f_datagen.cli import COMMANDS, main

README = (Path(__file__).parents[1] / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("user")
    assert main(["generate", "--n", "20", "--out", str(here / "shards")]) == 0
    few = ["--shards", str(here / "shards"), "--iterations", "2", "--batch-size", "4", "--width", "4"]
    assert main(["train-segmenter", *few, "--out", str(here / "runs" / "bisenet")]) == 0
    return here


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda s: s.split("\n")[0])
def test_snippets(folder, snippet):
    environment = {"HF_HOME": str(folder / "hf"), "PATH": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", snippet], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_there_are_snippets_for_all_three_readers():
    assert {"l4f.open_dataset", "datasets.load_dataset", "webdataset.WebDataset"} <= set(
        re.findall(r"l4f\.open_dataset|datasets\.load_dataset|webdataset\.WebDataset", "".join(SNIPPETS))
    )


def test_every_command_is_listed():
    for command in COMMANDS:
        assert f"`l4f-datagen {command} " in README, command


def test_files_that_it_names_are_there():
    root = Path(__file__).parents[1]
    for name in re.findall(r"`((?:l4f_datagen|benchmarks|pipelines|checkpoints|tests)/[\w/]*)`", README):
        assert (root / name).exists(), name
    for name in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (root / name).exists(), name
