"""The Dockerfile, as far as it can be judged without Docker: its words, its scripts, and what it copies."""

import fnmatch
import json
import re
import subprocess
from configparser import ConfigParser

import pytest

from .pages import ROOT

WORDS = {"ARG", "FROM", "RUN", "ENV", "COPY", "WORKDIR", "ENTRYPOINT", "CMD"}


def instructions(text: str) -> list[tuple[str, str]]:
    """Instruction and its rest, lines that continue joined, comments left out."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = [line.strip() for line in kept.replace("\\\n", " ").splitlines() if line.strip()]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in found)]


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    return instructions((ROOT / "Dockerfile").read_text())


def of(steps: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for found, rest in steps if found == name]


def test_it_is_made_of_instructions_that_there_are(steps):
    assert {name for name, _ in steps} <= WORDS
    assert next(name for name, _ in steps if name != "ARG") == "FROM"
    for name in ("ENTRYPOINT", "CMD"):
        (value,) = of(steps, name)
        assert all(isinstance(word, str) for word in json.loads(value))


def test_the_base_is_an_argument(steps):
    assert of(steps, "FROM") == ["${BASE}"]
    assert steps.index(("ARG", "BASE=python:3.12-slim")) < steps.index(("FROM", "${BASE}"))


def test_variables_are_declared(steps):
    declared = {value.partition("=")[0] for name, value in steps if name == "ARG"} | {"PATH"}
    for _, rest in steps:
        assert set(re.findall(r"\$\{?([A-Z_]+)", rest)) <= declared


def test_scripts_are_shell(steps):
    for script in of(steps, "RUN"):
        done = subprocess.run(["sh", "-n", "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "apt-get install" not in script or "--no-install-recommends" in script


def test_what_it_copies_is_there_and_not_ignored(steps):
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    for rest in of(steps, "COPY"):
        for name in rest.split()[:-1]:
            assert (ROOT / name).exists(), name
            ignored = False
            for rule in rules:
                if fnmatch.fnmatch(name, rule.removeprefix("!")):
                    ignored = not rule.startswith("!")
            assert not ignored, name


def test_extras_are_there(steps):
    configuration = ConfigParser()
    configuration.read(ROOT / "setup.cfg")
    (names,) = (value.partition("=")[2] for value in of(steps, "ARG") if value.startswith("EXTRAS="))
    assert set(names.split(",")) <= set(configuration["options.extras_require"])


@pytest.mark.parametrize("text", ["RUN apt-get \\\n    update", "# a word\nRUN x"])
def test_lines_that_continue_are_one(text):
    assert len(instructions(text)) == 1
