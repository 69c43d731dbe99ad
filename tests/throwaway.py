"""A copy of the package with files more: what a contribution of some kind takes, and that it takes no more."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from . import forked

ROOT = Path(__file__).parents[1]


class Contribution:
    """The package with new files, and what is appended to or replaced in its own ones."""

    def __init__(self, place: Path, files: Mapping[str, str], changes: Mapping[str, tuple[str, str]] | None = None):
        """Copy the package into ``place``.

        Args:
            files: new files, by their path below ``l4f_datagen/``.
            changes: old and new text of files that are there.
        """
        self.place = place
        shutil.copytree(ROOT / "l4f_datagen", place / "l4f_datagen")  # compiled files too, for the time
        for name in ("checkpoints", "pipelines"):
            (place / name).symlink_to(ROOT / name)
        for name, text in files.items():
            path = place / "l4f_datagen" / name
            assert not path.exists(), f"{name} is there already"
            path.write_text(dedent(text))
        for name, (old, new) in (changes or {}).items():
            path = place / "l4f_datagen" / name
            content = path.read_text()
            assert content.count(old) == 1, f"{old!r} in {name}"
            path.write_text(content.replace(old, new))

    def run(self, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The command line of this package."""
        environment = {**os.environ, "PYTHONPATH": str(self.place), "OMP_NUM_THREADS": "1"}
        done = forked.run([*map(str, words)], self.place, environment)
        assert done.returncode == code, done.stderr
        return done
