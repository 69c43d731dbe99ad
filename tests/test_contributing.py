"""What CONTRIBUTING.md names is there: a recipe that is stale would send people to the wrong place."""

import re

import pytest

from .pages import PAGES, ROOT

TEXT = PAGES["CONTRIBUTING.md"]
RECIPES = dict(re.findall(r"^## (Add [^\n]+)\n\n(.*?)(?=\n## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
PACKAGE = ROOT / "l4f_datagen"


def named(body: str) -> list[str]:
    """The files of a recipe that exist today."""
    return [name for name in re.findall(r"`([\w./]+\.(?:py|md|yaml|cfg|txt))`", body) if "NAME" not in name]


def found(name: str):
    """Where a file is; within a recipe folders are named once."""
    return next((path for path in (ROOT / name, PACKAGE / name) if path.is_file()), None) or next(
        iter(sorted(PACKAGE.rglob(name))), None
    )


@pytest.mark.parametrize("title", RECIPES)
def test_recipes_are_short_and_name_files_that_are_there(title):
    assert len(RECIPES[title].strip().splitlines()) <= 5
    assert named(RECIPES[title])
    for name in named(RECIPES[title]):
        assert found(name) is not None, name


@pytest.mark.parametrize("title", RECIPES)
def test_names_in_recipes_are_in_the_files_beside_them(title):
    pairs = re.findall(r"`(_?[A-Za-z][\w]*)`(?:, `(_?\w+)`)?(?: and `(_?\w+)`)? \(`([\w./]+\.py)`\)", RECIPES[title])
    for *names, file in pairs:
        text = found(file).read_text()
        for name in filter(None, names):
            assert name in text, f"{name} in {file}"


def test_the_six_recipes():
    assert [title.split(maxsplit=2)[2] for title in RECIPES] == [
        "export format", "checkpoint family", "segmenter", "filter", "world", "stage",
    ]  # fmt: skip


def test_targets_of_make_are_there():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", TEXT.replace("make what", ""))) <= targets
