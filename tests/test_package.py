"""The wheel carries what a user needs: installed in an empty place it generates from any folder."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source, out = tmp_path_factory.mktemp("source") / "tree", tmp_path_factory.mktemp("wheel")
    # A copy: building writes beside the sources.
    ignore = shutil.ignore_patterns(".git", ".venv", "demo", "build", "*.egg-info", "__pycache__", "shared")
    shutil.copytree(ROOT, source, ignore=ignore)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "-w", out, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_generates_from_any_folder(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import l4f_datagen; print(l4f_datagen.__file__); "
        "from l4f_datagen.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["generate", "--config", "vessels", "--n", "4", "--out", "shards"]
    # -P and no PYTHONPATH: nothing but the unpacked wheel and the installed dependencies.
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(site), *words], cwd=elsewhere, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site))
    assert (elsewhere / "shards" / "metadata.parquet").exists()


def test_what_the_wheel_declares(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode()
        entry_points = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert "l4f-datagen = l4f_datagen.cli:run" in entry_points
    assert "Requires-Python: >=3.11" in metadata and "License-Expression: Apache-2.0" in metadata
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert not any(n.startswith(("tests/", "benchmarks/")) for n in names)
    packages = {str(p.parent.relative_to(ROOT)) for p in (ROOT / "l4f_datagen").rglob("*.py")}
    assert packages <= {str(Path(n).parent) for n in names}, "a package is missing from setup.cfg"
