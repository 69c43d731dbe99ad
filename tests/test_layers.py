"""The house: imports point down only, nothing goes in circles, and no room holds more than one trade."""

import ast
import configparser
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import l4f_datagen

PACKAGE = Path(l4f_datagen.__file__).parent
NAME = PACKAGE.name
FLOORS = (
    # Single files that know of nothing but each other.
    "addresses", "short", "errors", "documents", "kinds", "resources", "versions", "devices", "seeding", "philox",
    "overlap", "sample", "masks", "mask_files", "scores", "run_lengths",
    # What has to do with the process, with files, and with people who wait or wish.
    "process", "storage", "progress", "sheet", "settings", "console",
    # Networks and the files that they come from; pictures; data sets.
    "networks", "weights", "worlds", "shards", "photographs", "instances", "generation", "samples", "loading",
    # Work on them.
    "segmentation", "projection", "editing", "making", "gallery", "export", "publishing", "analysis", "evaluation",
    "training", "engines",
    # All of it at once, and what people type.
    "experiment", "cli",
)  # fmt: skip
"""Folders and single files of the package from the lowest to the highest: each imports lower ones only."""
ONE_OF_A_KIND = ("cli", "settings")
"""Folders in which every file is one of a kind, a command say, so that there may be many."""
MOST_FILES, MOST_LINES = 15, 300


def name_of(path: Path) -> str:
    """The dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All that a file says, inside functions too, but for what is there for type checkers alone."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield from statements(other)
        else:
            yield from statements(child)


def imports_of(path: Path) -> set[tuple[str, ...]]:
    """Absolute dotted names of all that a file imports, wherever in the file."""
    package = (NAME, *path.relative_to(PACKAGE).parent.parts)
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = base + tuple(node.module.split(".") if node.module else ())
            found |= {(*module, alias.name) for alias in node.names}
    return found


def file_of(imported: tuple[str, ...]) -> str | None:
    """The file of the package that an imported name leads to: itself, or the one that it is a part of."""
    while imported and imported[0] == NAME:
        if (name := ".".join(imported)) in FILES:
            return name
        imported = imported[:-1]
    return None


@cache
def graph() -> dict[str, set[str]]:
    """Which files each file imports."""
    return {name: {file for one in imports_of(path) if (file := file_of(one))} - {name} for name, path in FILES.items()}


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node (Tarjan, 1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    waiting: list[str] = []
    found = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        waiting.append(node)
        for following in sorted(arrows[node]):
            if following not in number:
                visit(following)
                lowest[node] = min(lowest[node], lowest[following])
            elif following in waiting:
                lowest[node] = min(lowest[node], number[following])
        if lowest[node] == number[node]:
            component = waiting[waiting.index(node) :]
            del waiting[waiting.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    for node in sorted(arrows):
        if node not in number:
            visit(node)
    return found


def test_circles_are_found():
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": set(), "f": {"g"}, "g": {"f", "a"}}
    assert sorted(circles(graph)) == [["a", "b", "c"], ["f", "g"]]


def test_imports_inside_functions_count_and_those_for_type_checkers_do_not():
    text = "if TYPE_CHECKING:\n    import a\nelse:\n    import b\ndef f():\n    import c\n"
    found = {node.names[0].name for node in statements(ast.parse(text)) if isinstance(node, ast.Import)}
    assert found == {"b", "c"}


def test_no_files_import_each_other_in_circles():
    assert circles(graph()) == []


def test_every_folder_and_every_single_file_has_its_floor():
    found = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found - {"__init__", "__main__"} == set(FLOORS)
    assert len(set(FLOORS)) == len(FLOORS)


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_point_down(floor):
    lower = {floor, *FLOORS[: FLOORS.index(floor)]}
    for name in (file for file in FILES if file.split(".")[1:2] == [floor]):
        for one in imports_of(FILES[name]):
            if one[0] == NAME and one[1:] != ("__version__",):
                assert one[1] in lower, f"{name} imports {'.'.join(one)}, which is not below"


@pytest.mark.parametrize("path", sorted((PACKAGE / "networks").rglob("*.py")), ids=lambda p: p.name)
def test_networks_import_only_each_other_and_torch(path):
    for name in imports_of(path):
        allowed = ("torch", *sys.stdlib_module_names, *(("triton",) if path.stem == "triton_epilogue" else ()))
        known = name[0] in allowed or name[:2] == (NAME, "networks")
        assert known, ".".join(name)


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES.values()}), ids=lambda p: name_of(p))
def test_a_folder_holds_one_trade(folder):
    files = [path.name for path in folder.glob("*.py") if path.name not in ("__init__.py", "__main__.py")]
    if folder.relative_to(PACKAGE).as_posix() not in ONE_OF_A_KIND:
        assert len(files) <= MOST_FILES


def test_a_file_is_read_at_one_sitting():
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in FILES.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_folder_is_forgotten_when_the_package_is_built():
    read = configparser.ConfigParser()
    read.read(PACKAGE.parent / "setup.cfg", encoding="utf-8")
    listed, beside = read["options"]["packages"].split(), read["options"]["package_dir"]
    elsewhere = {line.split("=")[0].strip() for line in beside.splitlines() if "=" in line} - {NAME}
    assert sorted(listed) == sorted({name_of(path.parent) for path in FILES.values()} | elsewhere)


def test_reading_a_dataset_needs_no_torch():
    program = "import sys, l4f_datagen as l4f; l4f.open_dataset; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
