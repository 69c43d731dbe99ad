"""Files are written in ``atomic`` and nowhere else: what it does for them, it does for all."""

import ast
from pathlib import Path

import pytest

import l4f_datagen

PACKAGE = Path(l4f_datagen.__file__).parent
WRITERS = {"storage/atomic.py"}
METHODS = {
    "write_text",
    "touch",
    "savefig",
    "to_csv",
    "save_file",
    "imwrite",
    "mkstemp",
    "NamedTemporaryFile",
    "copyfile",
    "copy2",
    "copytree",
    "symlink_to",
    "hardlink_to",
    "tofile",
    "to_parquet",
    "mkdir",
    "makedirs",
}
ALLOWED = {
    # A buffer in memory.
    ("analysis/distribution_plot.py", "savefig"), ("analysis/report.py", "savefig"),
    ("experiment/pictures.py", "savefig"),
    # The null device, for streams that are closed.
    ("process/streams.py", "open"),
    # A hash alone.
    ("shards/verify/metadata.py", "ParquetWriter"),
    # A storage's own, not the disk's.
    ("storage/remote_store.py", "open"),
}  # fmt: skip
STORES = {"store", "self", "atomic", "_store", "out"}
"""What has a ``write_bytes`` of its own."""


def written(path: Path) -> set[tuple[str, int]]:
    """Calls in a file that may write one: their names and lines."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if name in METHODS or (name == "open" and _mode(node) & set("wax+")):
            found.add((name, node.lineno))
        owner = called.value if isinstance(called, ast.Attribute) else None
        owner_name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        if name == "write_bytes" and owner_name not in STORES:
            found.add((name, node.lineno))
        # numpy's, torch's and PIL's save, and pyarrow's writers, take a path or a file: here always a file.
        if name in ("ParquetWriter", "write_table", "save") and owner_name in ("np", "numpy", "torch", "pq", "image"):
            target = node.args[{"torch": 1}.get(owner_name, 0) if name == "save" else 1 if name == "write_table" else 0]
            text = ast.unparse(target)
            if not any(word in text for word in ("file", "buffer", "content", "sink", "BytesIO")):
                found.add((name, node.lineno))
    return found


def _mode(node: ast.Call) -> set[str]:
    given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    parts = [*given, *(part for a in given if isinstance(a, ast.IfExp) for part in ast.walk(a))]
    modes = [a.value for a in parts if isinstance(a, ast.Constant) and isinstance(a.value, str) and len(a.value) <= 3]
    return set("".join(modes))


def test_no_file_is_written_elsewhere():
    found = {
        f"{place}:{line}: {name}"
        for path in PACKAGE.rglob("*.py")
        if (place := path.relative_to(PACKAGE).as_posix()) not in WRITERS
        for name, line in written(path)
        if (place, name) not in ALLOWED
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('a')",
        "path.write_bytes(b'')",
        "open(p, 'w')",
        "p.open('wb')",
        "p.open(mode='a')",
        "p.mkdir()",
        "np.save(path, x)",
        "torch.save(x, path)",
        "figure.savefig(p)",
        "cv2.imwrite(p, x)",
        "image.save(path)",
        "pq.ParquetWriter(path, s)",
        "pq.write_table(t, path)",
    ],
)
def test_a_writer_is_seen(line, tmp_path):
    (tmp_path / "a.py").write_text(line)
    assert written(tmp_path / "a.py")


@pytest.mark.parametrize(
    "line", ["p.open('rb')", "open(p)", "np.save(buffer, x)", "torch.save(x, content)", "atomic.write_bytes(p, b'')"]
)
def test_a_reader_is_none(line, tmp_path):
    (tmp_path / "a.py").write_text(line)
    assert not written(tmp_path / "a.py")
