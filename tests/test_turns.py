"""Names of long files, which several processes begin with, are those of files."""

import pytest

from .pages import ROOT

turns = pytest.importorskip("tests.turns", reason="pytest-xdist is not here", exc_type=ImportError)


def test_what_takes_longest_is_there():
    assert all((ROOT / name).exists() for name in (*turns.FIRST, *turns.TOGETHER))
    assert len({*turns.FIRST}) == len(turns.FIRST)


@pytest.mark.parametrize(
    ("nodeid", "unit"),
    [
        ("tests/test_masks.py::test_a[x/y::z]", "tests/test_masks.py"),
        ("tests/experiment/test_report.py::test_a", "tests/experiment"),
        ("tests/experiments.py::test_a", "tests/experiments.py"),
    ],
)
def test_what_is_tested_together(nodeid, unit):
    assert turns.unit(nodeid) == unit
