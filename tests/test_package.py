"""The wheel carries what a user needs: installed in an empty place it generates from any folder.

The source distribution carries what is needed to test and to read it, too.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

import l4f_datagen

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of the tree: building writes beside the sources."""
    tree = tmp_path_factory.mktemp("source") / "tree"
    ignore = shutil.ignore_patterns(".git", ".venv", "demo", "build", "*.egg-info", "__pycache__", "shared")
    return shutil.copytree(ROOT, tree, ignore=ignore)


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
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
    assert "l4f-datagen = l4f_datagen.__main__:run" in entry_points
    assert "l4f_datagen/py.typed" in names
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "l4f_datagen" / "gallery" / "page").iterdir()}
    assert len(pages) == 6 and pages <= set(names)
    assert "Requires-Python: >=3.11" in metadata and "License-Expression: Apache-2.0" in metadata
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert {Path(n).parts[0] for n in names} == {"l4f_datagen", f"l4f_datagen-{l4f_datagen.__version__}.dist-info"}
    assert "Project-URL: Paper, https://arxiv.org/abs/2103.14968" in metadata
    assert "Classifier: Programming Language :: Python :: 3.11" in metadata
    packages = {str(p.parent.relative_to(ROOT)) for p in (ROOT / "l4f_datagen").rglob("*.py")}
    assert packages <= {str(Path(n).parent) for n in names}, "a package is missing from setup.cfg"


@pytest.fixture(scope="module")
def unpacked(source, tmp_path_factory) -> Path:
    """What the source distribution unpacks to."""
    out = tmp_path_factory.mktemp("sdist")
    program = "import sys, setuptools.build_meta as build; print(build.build_sdist(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, out], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with tarfile.open(next(out.glob("*.tar.gz"))) as archive:
        archive.extractall(out, filter="data")
    return next(path for path in out.iterdir() if path.is_dir())


def test_the_source_distribution_is_whole(unpacked):
    there = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    folders = ("benchmarks", "checkpoints", "docs", "examples", "l4f_datagen", "pipelines", "tests", ".ci")
    kept = {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
    }
    kept |= {str(path.relative_to(ROOT)) for path in ROOT.glob("*.md")}
    kept |= {
        "CITATION.cff",
        "Dockerfile",
        "LICENSE",
        "MANIFEST.in",
        "Makefile",
        "constraints.txt",
        "mkdocs.yml",
        "setup.cfg",
    }
    assert kept <= there, sorted(kept - there)
    assert "checkpoints/vessels/sheet.png" in there
    assert not any(name.endswith(".pyc") for name in there)


def test_a_test_runs_from_the_source_distribution(unpacked):
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", "tests/test_masks.py"]
    done = subprocess.run(run, cwd=unpacked, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def configuration() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_the_extra_all_is_all_of_them():
    extras = configuration()["options.extras_require"]
    (everything,) = extras["all"].split()
    names = re.fullmatch(r"l4f-datagen\[([\w,]+)\]", everything)[1].split(",")
    assert sorted(names) == sorted(set(extras) - {"all", "docs", "test", "readers"})


def test_what_the_docs_need_is_in_the_tests_extra():
    extras = configuration()["options.extras_require"]
    assert set(extras["docs"].splitlines()) <= set(extras["test"].splitlines())


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == l4f_datagen.__version__
    assert citation["license"] == configuration()["metadata"]["license_expression"]
    (paper,) = citation["references"]
    assert len(paper["authors"]) == 4 and paper["url"] == "https://arxiv.org/abs/2103.14968"


def test_the_changelog_knows_this_version():
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] in ("Unreleased", l4f_datagen.__version__)
    assert l4f_datagen.__version__ in (ROOT / "CHANGELOG.md").read_text()
