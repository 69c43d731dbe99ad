"""The package with one file more, as somebody who extends it has it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import l4f_datagen

ROOT = Path(l4f_datagen.__file__).parents[1]


def extended(folder: Path, files: dict[str, str]) -> Path:
    """A copy of the package in ``folder`` with more files: path within the package → content."""
    shutil.copytree(ROOT / "l4f_datagen", folder / "l4f_datagen", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pipelines", "checkpoints"):
        (folder / name).symlink_to(ROOT / name)
    for name, content in files.items():
        assert not (folder / "l4f_datagen" / name).exists()
        (folder / "l4f_datagen" / name).write_text(content, encoding="utf-8")
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """The command line of that copy."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "l4f_datagen", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
