"""Files of plain numbers (.npy, .pt, .safetensors) as tensors; nothing in them is executed."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..documents.bounds import Refused
from ..documents.from_npy import START, read_npy
from ..errors import UserError
from ..short import short
from .containers import files
from .pickle.tensors import StoredArray, StoredTensor, load_tensor

_MOST_BYTES = 1 << 30
_MOST_TENSORS = 10_000


def read_array(path: str | Path, *, expected: str) -> Tensor:
    """The numbers of a file, float32: of its one tensor, or of a list of tensors of one shape, joined.

    Args:
        path: a .npy, .pt or .safetensors file, whatever its name; ``FILE#NAME`` takes one of several tensors.
        expected: what such a file should hold, for messages.

    Raises:
        UserError: there is no such file, it holds something else, or several tensors and none is named.
    """
    name, place, wanted = str(path), Path(path).expanduser(), ""
    if not place.exists() and "#" in name:
        plain, _, wanted = name.rpartition("#")
        place = Path(plain).expanduser()
    if not place.is_file():
        raise UserError(name, got="no such file", expected=expected, remedy="check the path")
    if place.stat().st_size > _MOST_BYTES:
        raise UserError(name, got=f"a file of {place.stat().st_size} bytes", expected=expected, remedy="cut it down")
    with place.open("rb") as file:
        is_npy = file.read(len(START)) == START
    if is_npy:
        try:
            array = read_npy(place.read_bytes())
        except (OSError, Refused) as error:
            raise UserError(name, got=short(error, 100), expected=expected, remedy="choose another file") from error
        return torch.from_numpy(array.astype("float32"))
    with files.opened(place, name, expected=expected) as content:
        return _joined(_chosen(content.data, wanted, name, expected), name, expected)


def _chosen(data: object, wanted: str, name: str, expected: str) -> object:
    """The value of this name, or the only one."""
    if not isinstance(data, Mapping):
        return data
    if wanted:
        if wanted in data:
            return data[wanted]
    elif len(data) == 1:
        return next(iter(data.values()))
    raise UserError(
        name, got=f"a file with {short(', '.join(map(str, data)), 100) or 'nothing'}", expected=expected,
        remedy=f"name one of them: {short(name.partition('#')[0], 60)}#NAME",
    )  # fmt: skip


def _joined(value: object, name: str, expected: str) -> Tensor:
    values = value if isinstance(value, (list, tuple)) else [value]
    if 0 < len(values) <= _MOST_TENSORS and all(isinstance(one, (StoredTensor, StoredArray)) for one in values):
        tensors = [load_tensor(one).float() for one in values]
        if len({tensor.shape for tensor in tensors}) == 1:
            return torch.stack(tensors) if isinstance(value, (list, tuple)) else tensors[0]
        got = f"a list of tensors of several shapes, {tuple(tensors[0].shape)} and others"
    else:
        got = f"{short(value, 80)} where a tensor belongs"
    raise UserError(name, got=got, expected=expected, remedy="choose another file")
