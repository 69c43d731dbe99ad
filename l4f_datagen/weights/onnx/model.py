"""Looks at ONNX files of others before a runtime opens them, since the runtime reads whatever files they name."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ...errors import UserError
from ...short import short
from ..source import file_sha256

if TYPE_CHECKING:
    import onnx

_LARGEST = (2 << 30) - 1
"""Bytes; protocol buffers end there, and larger weights lie in files of their own."""


def check(path: Path, name: str) -> list[Path]:
    """Refuse a file that is no ONNX model, and a model whose weights lie outside its folder.

    Args:
        name: the file as the user called it, for messages.

    Returns the files beside it that hold weights, in order.

    Raises:
        UserError: it is refused, or the extra is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise UserError(
            name, got="no package onnx", expected="the extra `onnx`", remedy='pip install "l4f-datagen[onnx]"'
        ) from error
    if path.stat().st_size > _LARGEST:
        _refuse(name, f"a file of {path.stat().st_size} bytes")
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except (DecodeError, ValueError) as error:
        _refuse(name, f"a file that onnxruntime cannot load (no ONNX model: {short(error, 100)})")
    if not model.graph.node:
        _refuse(name, "a file without a single operation")
    folder = path.resolve().parent
    outside = set()
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            entries = {entry.key: entry.value for entry in tensor.external_data}
            _check_place(folder, entries, name)
            outside.add(folder / entries["location"])
    return sorted(outside)


def sha256(path: Path, name: str) -> str:
    """SHA-256 of a model: of its file, or of the hashes of all its files where its weights lie beside it.

    Raises:
        UserError: as ``check``.
    """
    beside = check(path, name)
    hashes = [file_sha256(file) for file in (path, *beside)]
    return hashlib.sha256("".join(hashes).encode()).hexdigest() if beside else hashes[0]


def _refuse(name: str, got: str) -> NoReturn:
    raise UserError(name, got=got, expected="an ONNX model", remedy="export it again")


def _tensors(model: "onnx.ModelProto") -> "Iterator[onnx.TensorProto]":
    """All tensors of a model, those in the bodies of loops and branches too."""
    waiting = [model.graph, *model.functions]
    for training in model.training_info:
        waiting += [training.initialization, training.algorithm]
    while waiting:
        graph = waiting.pop()
        yield from getattr(graph, "initializer", ())
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
        attributes = [attribute for node in graph.node for attribute in node.attribute]
        for attribute in (*attributes, *getattr(graph, "attribute_proto", ())):
            waiting += [attribute.g, *attribute.graphs] if attribute.HasField("g") else attribute.graphs
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)


def _check_place(folder: Path, entries: dict[str, str], name: str) -> None:
    """Refuse weights outside the folder of their model, and weights that are not there.

    Large models keep their weights in files beside them. No honest model needs a part of any other file.
    """
    location = entries.get("location", "")
    place = Path(location)
    inside = location and "\0" not in location and not place.is_absolute() and ".." not in place.parts
    if not inside or not (folder / place).resolve().is_relative_to(folder):
        raise UserError(
            name, got=f"a model whose weights are to be read from {short(location, quotes=True)}",
            expected="weights in the file, or in files of its own folder",
            remedy="nothing was read; do not use it with other tools unless you trust its source",
        )  # fmt: skip
    found = folder / place
    size = found.stat().st_size if found.is_file() else None
    numbers = [entries.get(key, "0") for key in ("offset", "length")]
    if size is None or not all(n.isascii() and n.isdigit() and len(n) < 20 for n in numbers):
        _refuse(name, f"a model without its weights, which should be in {short(location, quotes=True)}")
    if sum(map(int, numbers)) > size:
        _refuse(name, f"a model with weights behind the end of {short(location, quotes=True)}")
