"""The allow-list: every global that a checkpoint may ask for, and the inert value that answers it."""

from collections.abc import Callable, Iterable
from functools import partial

import torch

from .machine import Allowance, Damaged, Forbidden, Record, StandIn
from .modules import AllowList
from .tensors import NumberType, Storage, StoredArray, StoredTensor

STORAGE_TYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
"""Classes by which torch's files name types of numbers."""

_NUMBER_TYPES = ("float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool")
_MOVED = ("_reconstruct_persistent_obj", "EasyDict")
"""Names of NVIDIA's that forks have moved to modules of their own; what they stand for is the same everywhere."""
_DATA_CLASSES = {
    # What training programs keep beside their weights: options, paths, times. Nobody looks into these records.
    "argparse": ("Namespace",),
    "datetime": ("date", "datetime", "timedelta"),
    "numpy": ("bool_", "float32", "float64", "int32", "int64"),
    "pathlib": ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"),
    "pathlib._local": ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"),
    "pytorch_lightning.callbacks.model_checkpoint": ("ModelCheckpoint",),
    "torch": ("Generator", "device", "strided", "contiguous_format", "channels_last"),
    "types": ("SimpleNamespace",),
}


def allow_list(allowance: Allowance, load_from_bytes: Callable[[object], Storage]) -> AllowList:
    """(module, name) → what answers it.

    Args:
        allowance: what reading the file may cost, and the records that it may ask for besides.
        load_from_bytes: answers ``torch.storage._load_from_bytes``.
    """
    tensor = partial(_tensor, allowance)
    makers = {
        "torch._utils._rebuild_tensor": tensor,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_tensor_v3": partial(_tensor_of_type, allowance),
        "torch._utils._rebuild_parameter": _parameter,
        "torch._utils._rebuild_parameter_with_state": _parameter,
        "torch._tensor._rebuild_from_type_v2": _from_type,
        "torch.nn.parameter.Parameter": None,
        "torch.Tensor": None,
        "torch.Size": partial(_tuple, allowance),
        "torch.storage._load_from_bytes": load_from_bytes,
        "numpy.dtype": NumberType,
        "numpy.ndarray": None,
        "_codecs.encode": partial(_encoded, allowance),
    }
    makers |= {name: partial(_record, name) for name in allowance.records}
    for core in ("core", "_core"):
        makers[f"numpy.{core}.multiarray._reconstruct"] = partial(_array, allowance)
        makers[f"numpy.{core}.multiarray.scalar"] = _scalar
        makers[f"numpy.{core}.numeric._frombuffer"] = partial(_array_of_buffer, allowance)
    for name in ("collections.OrderedDict", "dnnlib.util.EasyDict", "dnnlib.EasyDict", "easydict.EasyDict"):
        makers[name] = partial(_dict, allowance)
    makers["collections.defaultdict"] = partial(_default_dict, allowance)
    for module in ("copyreg", "copy_reg"):
        makers[f"{module}._reconstructor"] = _reconstructed
    for module in ("builtins", "__builtin__"):
        makers |= {f"{module}.{name}": partial(make, allowance) for name, make in _BUILTINS.items()}
        makers |= {f"{module}.{name}": partial(_record, f"builtins.{name}") for name in _BUILTIN_VALUES}
        makers |= {f"{module}.{name}": None for name in _BUILTIN_NAMES}
    for module in ("torch", "torch.cuda", "torch.storage"):
        makers |= {f"{module}.{name}": None for name in STORAGE_TYPES}
    makers |= {f"torch.{name}": None for name in _NUMBER_TYPES}
    for module, names in _DATA_CLASSES.items():
        makers |= {f"{module}.{name}": partial(_record, f"{module}.{name}") for name in names}
    answers = {(name.rsplit(".", 1)[0], name.rsplit(".", 1)[1]): StandIn(name, make) for name, make in makers.items()}
    return AllowList(answers, allowance, moved=_MOVED)


def number_type(stand_in: object) -> torch.dtype:
    """The number type that a storage class or a torch dtype stands for."""
    name = stand_in.name.rsplit(".", 1)[-1] if isinstance(stand_in, StandIn) else ""
    if name in STORAGE_TYPES:
        return STORAGE_TYPES[name]
    if name in _NUMBER_TYPES:
        return getattr(torch, name)
    raise Damaged("numbers of an unknown type")


def _record(kind: str, *arguments: object) -> Record:
    return Record(kind, arguments)


def _tensor(
    allowance: Allowance, storage: object, offset: object, shape: object, stride: object, *_: object
) -> StoredTensor:
    return StoredTensor(storage, offset, shape, stride, allowance)


def _tensor_of_type(
    allowance: Allowance,
    storage: object,
    offset: object,
    shape: object,
    stride: object,
    grad: object,
    hooks: object,
    dtype: object,
    *_: object,
) -> StoredTensor:
    return StoredTensor(storage, offset, shape, stride, allowance, number_type(dtype))


def _parameter(tensor: object, *_: object) -> object:
    if not isinstance(tensor, StoredTensor):
        raise Damaged("a parameter without a tensor")
    return tensor


def _from_type(function: object, kind: object, arguments: object, state: object) -> object:
    # A tensor with attributes of its own comes with the function of torch that rebuilds it.
    if not isinstance(function, StandIn) or not function.name.startswith("torch._utils._rebuild_"):
        raise Forbidden("a tensor that is rebuilt by something else than torch")
    return function.build(arguments)


def _array(allowance: Allowance, kind: object, *_: object) -> StoredArray:
    if not isinstance(kind, StandIn) or kind.name != "numpy.ndarray":
        raise Forbidden("an array of another class than numpy.ndarray")
    return StoredArray(allowance)


def _array_of_buffer(
    allowance: Allowance, data: object, kind: object, shape: object, order: object = "C", axes: object = None
) -> StoredArray:
    # How protocol 5 writes arrays. Order "K" comes with the order of the axes in memory.
    array = StoredArray(allowance)
    array.set_state((1, shape, kind, order == "F", data))
    array.order_axes(axes if order == "K" else None)
    return array


def _scalar(kind: object, data: object = b"") -> int | float:
    if not isinstance(kind, NumberType) or not isinstance(data, (bytes, str)) or len(data) != int(kind.code[1]):
        raise Damaged("a numpy number of an unknown form")
    return kind.decode(data)[0].item()


def _encoded(allowance: Allowance, text: object, encoding: object = "latin1") -> bytes:
    # Python 3 writes bytes so in protocols 0 to 2.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Forbidden("an encoding other than latin-1")
    allowance.spend(len(text))
    return text.encode("latin-1")


def _bytearray(allowance: Allowance, data: object = b"", encoding: object = "latin1") -> bytes:
    if isinstance(data, str):
        return _encoded(allowance, data, encoding)
    if not isinstance(data, (bytes, memoryview)):
        raise Damaged("bytes made from something else than bytes")
    allowance.spend(len(data))
    return bytes(data)


def _dict(allowance: Allowance, items: object = ()) -> dict:
    if isinstance(items, dict):
        allowance.work(len(items))
        return dict(items)
    return {allowance.key(k): v for k, v in _sequence(allowance, items)}


def _default_dict(allowance: Allowance, factory: object = None, items: object = ()) -> dict:
    return _dict(allowance, items)


def _tuple(allowance: Allowance, items: object = ()) -> tuple:
    return tuple(_sequence(allowance, items))


def _set(allowance: Allowance, items: object = ()) -> set:
    return {allowance.key(item) for item in _sequence(allowance, items)}


def _list(allowance: Allowance, items: object = ()) -> list:
    return list(_sequence(allowance, items))


def _sequence(allowance: Allowance, items: object) -> Iterable:
    # A text is refused: each of its characters would become an object. Copies count as work by their length, since a
    # pickle may copy the same list again and again.
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise Damaged("a container made from something else than a list")
    allowance.work(len(items))
    return items


def _reconstructed(kind: object, base: object, state: object) -> object:
    # Protocols 0 and 1 write every instance so: made from its class alone.
    if not isinstance(kind, StandIn) or not isinstance(base, StandIn) or base.name.split(".")[-1] != "object":
        raise Forbidden("an instance that is built on another type than object")
    return kind.build(())


_BUILTINS = {
    "bytearray": _bytearray,
    "bytes": _bytearray,
    "dict": _dict,
    "frozenset": _set,
    "list": _list,
    "set": _set,
    "tuple": _tuple,
}
_BUILTIN_VALUES = ("complex", "range", "slice", "xrange")
_BUILTIN_NAMES = ("object", "int", "float", "bool", "str", "unicode", "long", "type", "NoneType", "Ellipsis")
