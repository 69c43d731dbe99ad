"""Imports point down only (the design's layers)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import l4f_datagen

PACKAGE = Path(l4f_datagen.__file__).parent
BOTTOM = {
    "settings",
    "process",
    "storage",
    "seeding",
    "errors",
    "devices",
    "sample",
    "masks",
    "scores",
    "versions",
    "overlap",
    "resources",
    "sheet",
    "addresses",
    "short",
    "documents",
    "progress",
    "kinds",
}
ROWS = [
    {"cli"},
    {"experiment"},
    {"engines", "training", "analysis", "evaluation", "export"},
    {"making"},
    {"loading", "samples"},
    {"generation", "segmentation"},
    {"photographs"},
    {"shards"},
    {"weights", "worlds"},
    {"networks"},
    BOTTOM,
]
SIDEWAYS = {
    ("training", "l4f_datagen.analysis.layers.first_resolution"),
    ("training", "l4f_datagen.evaluation.frechet.evaluate_frechet"),
    ("shards", "l4f_datagen.scores.score"),
    ("evaluation", "l4f_datagen.training.sources.open_source"),
}
"""Within a row only through a named public function: who may import which."""
RANK = {part: rank for rank, row in enumerate(ROWS) for part in row}


def imports_of(path: Path) -> set[tuple[str, ...]]:
    """Absolute dotted names of all that a file imports, wherever in the file."""
    package = ("l4f_datagen", *path.relative_to(PACKAGE).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = base + tuple(node.module.split(".") if node.module else ())
            found |= {(*module, alias.name) for alias in node.names}
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__main__.py",) and path.parent != PACKAGE)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    part = path.relative_to(PACKAGE).parts[0]
    for name in imports_of(path):
        if name[0] != "l4f_datagen" or len(name) < 2 or name[1] in (part, "__version__"):
            continue
        if (part, ".".join(name)) in SIDEWAYS:
            continue
        target = name[1]
        assert target in RANK, f"{path.name} imports {'.'.join(name)}, which has no place in the house"
        if part in BOTTOM and target in BOTTOM:
            continue
        assert RANK[target] > RANK[part], f"{path.name} imports {'.'.join(name)}: upwards or sideways"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda p: p.name)
def test_the_lowest_row_imports_nothing_above_it(path):
    if path.stem in ("__init__", "__main__"):
        pytest.skip("the public names point everywhere")
    assert path.stem in BOTTOM
    assert all(name[1] in BOTTOM for name in imports_of(path) if name[0] == "l4f_datagen" and len(name) > 1)


@pytest.mark.parametrize("path", sorted((PACKAGE / "networks").glob("*.py")), ids=lambda p: p.name)
def test_networks_import_only_each_other_and_torch(path):
    for name in imports_of(path):
        known = name[0] in ("torch", *sys.stdlib_module_names) or name[:2] == ("l4f_datagen", "networks")
        assert known, ".".join(name)


def test_reading_a_dataset_needs_no_torch():
    program = "import sys, l4f_datagen as l4f; l4f.open_dataset; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
