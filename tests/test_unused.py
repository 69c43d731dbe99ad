"""What nobody calls goes: every function, class and constant of a file is used somewhere in the package."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import l4f_datagen

PACKAGE = Path(l4f_datagen.__file__).parent
FOUND_BY_THEIR_FOLDER = (
    "export/formats", "weights/families", "weights/layouts", "networks/segmenters", "experiment/stages",
    "progress/trackers", "cli",
)  # fmt: skip
"""Folders whose files are looked through by a registry, which calls what they define by no name."""


def uses(tree: ast.AST) -> Counter[str]:
    """How often each name is read, be it as a name, an attribute, an imported name, a keyword or a whole string."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            found[node.id] += 1
        elif isinstance(node, ast.Attribute):
            found[node.attr] += 1
        elif isinstance(node, ast.keyword) and node.arg:
            found[node.arg] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found[node.value] += 1
    return found


def defined(tree: ast.Module) -> Iterator[str]:
    """Names that a file defines, without those that a decorator hands to somebody."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            decorators = [ast.unparse(one).partition("(")[0] for one in node.decorator_list]
            if all(one.startswith(("contextlib", "functools", "dataclass", "torch")) for one in decorators):
                yield node.name
        elif isinstance(node, ast.Assign):
            yield from (one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_a_name_that_nobody_uses_is_seen():
    tree = ast.parse("A = 1\nB = A\ndef f(): ...\n@command('x')\ndef g(): ...\n")
    assert [name for name in defined(tree) if not uses(tree)[name]] == ["B", "f"]


def test_every_name_is_used():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    used = sum((uses(tree) for tree in trees.values()), Counter())
    unused = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path, tree in trees.items()
        if not path.relative_to(PACKAGE).as_posix().startswith(FOUND_BY_THEIR_FOLDER)
        for name in defined(tree)
        if not (name.startswith("__") or used[name])
    ]
    assert unused == []
