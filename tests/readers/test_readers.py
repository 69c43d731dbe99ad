"""Readers that are installed read what is there; the page names those of the table and no others."""

import re

import pytest

from ..pages import PAGES
from .sets import Sets
from .table import READERS, Reader

PAGE = PAGES["docs/ecosystem.md"]


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Sets:
    return Sets(tmp_path_factory.mktemp("readers"))


@pytest.mark.parametrize(
    "reader", [pytest.param(r, id=r.name, marks=[pytest.mark.slow] if r.slow else []) for r in READERS]
)
def test_reader(reader: Reader, sets: Sets):
    if reader.installed is None:
        pytest.skip(f"{reader.name} is not installed; `make readers` installs it")
    reader.read(sets)


@pytest.mark.parametrize("kind", ["folder", "export"])
def test_the_page_names_the_readers_of_the_table(kind):
    heading = {"folder": "| reader | what it uses | note |", "export": "| reader | what it reads | note |"}[kind]
    table = PAGE[PAGE.index(heading) :].partition("\n\n")[0].splitlines()[2:]
    told = [re.sub(r"[`\[]|\]\(.*?\)", "", row.split("|")[1]).strip() for row in table]
    assert told == [reader.name for reader in READERS if reader.of == kind]
