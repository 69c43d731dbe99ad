"""Which process tests the next file, where several share the tests (``pytest -n``).

As xdist does it by itself, the files of fewest tests come last; the longest of all are among them, and one process
would be left alone with them at the end.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/experiment",)
"""Folders that one process tests, as their files share what takes longer to make than to look at."""
FIRST = (
    "tests/experiment", "tests/training/alpha/test_alpha.py", "tests/test_examples.py", "tests/engines/test_ray.py",
    "tests/training/generator/test_generator.py", "tests/weights/test_hostile.py", "tests/engines/test_workers.py",
    "tests/cli/test_segmenter.py", "tests/test_entry_points.py", "tests/cli/test_failures.py",
    "tests/cli/test_damage.py",
    "tests/cli/test_every_command.py", "tests/engines/test_local.py", "tests/process/test_streams.py",
    "tests/test_package.py", "tests/making/test_arithmetic.py", "tests/test_readme.py",
    "tests/cli/test_machine_failures.py",
    "tests/storage/test_remote_store.py", "tests/training/segmenter/test_segmenter.py", "tests/test_reading_path.py",
)  # fmt: skip
"""What takes longest, in this order; all else follows."""


def unit(nodeid: str) -> str:
    """The file or folder that a test is tested with."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def in_order(items: list[pytest.Item]) -> None:
    """Let what takes longest come first."""
    turn = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: turn.get(unit(item.nodeid), len(turn)))


class Turns(LoadFileScheduling):
    """``--dist loadfile`` in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Producer | None = None):
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
