"""The modules of NVIDIA's PyTorch networks, in the two forms that files have: pickled whole, or as a state dict."""

import math
from collections.abc import Mapping
from typing import TypeGuard

from torch import Tensor

from ...networks import ops
from ...short import short
from ..assembly.errors import Misfit, Unsupported
from ..pickle.machine import Record
from ..pickle.modules import PickledModule
from ..pickle.tensors import load_tensor

PERSISTENT_OBJECT = "torch_utils.persistence._reconstruct_persistent_obj"
"""The function that NVIDIA's pickles call for every module that they hold."""


class Module:
    """One module: what it says about itself, and the modules and the tensors in it.

    A state dict says nothing about itself: ``attributes`` and ``class_name`` are empty then.
    """

    def __init__(
        self, name: str, class_name: str, attributes: Mapping, children: Mapping, tensors: Mapping[str, object]
    ) -> None:
        self.name, self.class_name = name, class_name
        self.attributes, self.children, self._tensors = attributes, children, tensors

    def child(self, name: str) -> "Module":
        """A module in this one. Raises Misfit where there is none."""
        found, where = self.children.get(name), f"{self.name}.{name}" if self.name else name
        return _of_branch(found, where) if isinstance(found, _Branch) else of_record(found, where)

    def has(self, tensor: str) -> bool:
        """Whether this module itself has a tensor of this name."""
        return self._tensors.get(tensor) is not None

    def tensor(self, name: str) -> Tensor:
        """A tensor of this module. Raises Misfit where there is none."""
        if not self.has(name):
            raise Misfit(f"tensor {self.name}.{name} is missing")
        return load_tensor(self._tensors[name])


def is_pickled(value: object) -> TypeGuard[Record]:
    """Whether a value of a file is a network of modules, pickled whole in NVIDIA's way or in torch's own."""
    return isinstance(value, PickledModule) or (isinstance(value, Record) and value.kind == PERSISTENT_OBJECT)


def of_record(record: object, name: str) -> Module:
    """A module that was pickled whole: its ``__dict__``, beside the program text that made it, which nobody looks at.

    Raises:
        Misfit: it is no such record.
    """
    if isinstance(record, PickledModule):
        tensors = {**record.part("_parameters"), **record.part("_buffers")}
        attributes = record.state if isinstance(record.state, Mapping) else {}
        return Module(name, short(record.kind, 80), attributes, record.part("_modules"), tensors)
    meta = record.arguments[0] if is_pickled(record) and record.arguments else None
    kind = meta.get("type", "class") if isinstance(meta, Mapping) else None
    state = meta.get("state") if isinstance(meta, Mapping) and isinstance(kind, str) and kind == "class" else None
    if not isinstance(meta, Mapping) or not isinstance(state, Mapping):
        raise Misfit(f"module {name or 'G'} is missing")
    tensors = {**_mapping(state, "_parameters"), **_mapping(state, "_buffers")}
    return Module(name, short(meta.get("class_name"), 40), state, _mapping(state, "_modules"), tensors)


def of_state(tensors: Mapping[str, object]) -> Module:
    """The modules that the names of a state dict make up.

    Raises:
        Misfit: a name is both a module's and a tensor's.
    """
    root = _Branch()
    for name, value in tensors.items():
        *path, last = name.split(".")
        branch = root
        for part in path:
            branch = branch.children.setdefault(part, _Branch())
        branch.tensors[last] = value
    return _of_branch(root, "")


def fully_connected(layer: Module, lr_mul: float) -> tuple[Tensor, Tensor]:
    """Weight and bias, rescaled where the layer's gains differ from ours: another multiplier of the learning rate."""
    weight, bias = layer.tensor("weight"), layer.tensor("bias")
    if weight.ndim != 2 or not weight.shape[1]:
        raise Misfit(f"tensor {layer.name}.weight has shape {short(weight.shape)}, expected two dimensions")
    gain = lr_mul / math.sqrt(weight.shape[1])
    for tensor, ours, stated in ((weight, gain, "weight_gain"), (bias, lr_mul, "bias_gain")):
        theirs = layer.attributes.get(stated, ours)
        if isinstance(theirs, bool) or not isinstance(theirs, (int, float)) or not abs(theirs) < math.inf:
            raise Misfit(f"a {stated} of {short(theirs, 20)} in {layer.name}")
        if not math.isclose(theirs, ours, rel_tol=1e-6):
            tensor *= theirs / ours
    return weight, bias


def check_activation(layer: Module) -> None:
    """Refuse a layer with another activation than ours. Raises Unsupported."""
    activation = layer.attributes.get("activation", "lrelu")
    if not isinstance(activation, str) or activation != "lrelu":
        raise Unsupported(f"a StyleGAN2 generator with the activation {short(activation, 20)}")


def check_filter(layer: Module) -> None:
    """Refuse a filter that differs from ours, since filters are rebuilt and not read: every image would change."""
    if layer.has("resample_filter"):
        found, expected = layer.tensor("resample_filter").float(), ops.fir_kernel()
        if found.shape != expected.shape or not found.allclose(expected, atol=1e-4):
            raise Unsupported("a StyleGAN2 generator with another resampling filter than [1, 3, 3, 1]")


class _Branch:
    """A module of a state dict: names → modules in it, names → tensors in it."""

    def __init__(self) -> None:
        self.children: dict[str, _Branch] = {}
        self.tensors: dict[str, object] = {}


def _of_branch(branch: _Branch, name: str) -> Module:
    return Module(name, "", {}, branch.children, branch.tensors)


def _mapping(state: Mapping, name: str) -> Mapping:
    value = state.get(name)
    return value if isinstance(value, Mapping) else {}
