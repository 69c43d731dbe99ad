"""NVIDIA's PyTorch pickles: StyleGAN2 of the stylegan2-ada-pytorch and stylegan3 repositories.

A network lies in them as the ``__dict__`` of each module beside the program text that made it. The text is never
looked at; which tensors there are, and what the modules say of themselves, is enough.
"""

import math
import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from ..networks import ops
from ..networks.stylegan2 import Generator
from ..networks.stylegan2 import Mapping as MappingNetwork
from .allowed import PERSISTENT_OBJECT
from .assemble import W_AVG_DRAWS, Misfit, Unsupported, build_generator, settled
from .machine import Record
from .tensors import load_tensor

KEYS = ("G_ema", "G")


class _Module:
    """One module of a pickled network."""

    def __init__(self, record: object, name: str):
        meta = record.arguments[0] if _is_network(record) and record.arguments else None
        state = meta.get("state") if isinstance(meta, Mapping) and meta.get("type", "class") == "class" else None
        if not isinstance(state, Mapping):
            raise Misfit(f"module {name or 'G'} is missing")
        self.name, self.class_name = name, str(meta.get("class_name"))
        self.attributes: Mapping = state
        self.children: Mapping = _mapping(state, "_modules")
        self._tensors = {**_mapping(state, "_parameters"), **_mapping(state, "_buffers")}

    def child(self, name: str) -> "_Module":
        return _Module(self.children.get(name), f"{self.name}.{name}" if self.name else name)

    def has(self, tensor: str) -> bool:
        return self._tensors.get(tensor) is not None

    def tensor(self, name: str) -> Tensor:
        if not self.has(name):
            raise Misfit(f"tensor {self.name}.{name} is missing")
        return load_tensor(self._tensors[name])


def recognises(data: object) -> bool:
    """Whether an unpickled file holds a generator in this layout."""
    return _generator_record(data) is not None


def read(data: object) -> tuple[Generator, tuple[str, ...]]:
    """The averaged generator of an unpickled file, and what had to be decided on the way.

    Raises:
        Misfit: names or shapes are not those of a StyleGAN2 generator.
        Unsupported: it is another network; says which.
    """
    notes = []
    if isinstance(data, Mapping) and not _is_network(data.get(KEYS[0])):
        notes.append("the file has no averaged generator G_ema; its raw generator G is used")
    network = _Module(_generator_record(data), "")
    mapping, synthesis = network.child("mapping"), network.child("synthesis")
    _check_kind(network, synthesis)
    blocks = list(_blocks(synthesis))
    for block in blocks:
        _check_architecture(block)
    tensors = dict(_mapping_tensors(mapping))
    if mapping.has("w_avg"):
        tensors["w_avg"] = mapping.tensor("w_avg")
    else:
        notes.append(f"the file has no w_avg; the centre of truncation is the mean w of {W_AVG_DRAWS} draws")
    tensors["constant"] = blocks[0].tensor("const")
    layers = [block.child(name) for block in blocks for name in ("conv0", "conv1") if name in block.children]
    to_rgb = [block.child("torgb") for block in blocks]
    for index, layer in enumerate(layers):
        tensors |= {f"layers.{index}.{name}": settled(tensor) for name, tensor in _layer_tensors(layer)}
    for index, layer in enumerate(to_rgb):
        tensors |= {f"to_rgb.{index}.{name}": settled(tensor) for name, tensor in _to_rgb_tensors(layer)}
    return build_generator(tensors, conv_clamp=_clamp([*layers, *to_rgb])), tuple(notes)


def _generator_record(data: object) -> Record | None:
    candidates = [data.get(key) for key in KEYS] if isinstance(data, Mapping) else [data]
    return next((candidate for candidate in candidates if _is_network(candidate)), None)


def _is_network(value: object) -> bool:
    return isinstance(value, Record) and value.kind == PERSISTENT_OBJECT


def _mapping(state: Mapping, name: str) -> Mapping:
    value = state.get(name)
    return value if isinstance(value, Mapping) else {}


def _check_kind(network: _Module, synthesis: _Module) -> None:
    """Refuse by name what shares this file format."""
    if "b4" not in synthesis.children:
        if any(re.fullmatch(r"L\d+_\d+_\d+", name) for name in synthesis.children if isinstance(name, str)):
            raise Unsupported("a StyleGAN3 generator")
        raise Unsupported(f"a network of another kind ({network.class_name}, {synthesis.class_name})")
    if network.attributes.get("c_dim", 0):
        raise Unsupported(f"a class-conditional StyleGAN2 generator (c_dim {network.attributes['c_dim']})")
    if network.attributes.get("img_channels", 3) != 3:
        raise Unsupported(f"a StyleGAN2 generator of {network.attributes['img_channels']} image channels")
    if not network.attributes.get("z_dim", 1):
        raise Unsupported("a StyleGAN2 generator without a latent z")


def _blocks(synthesis: _Module) -> Iterator[_Module]:
    """The blocks from 4×4 up."""
    names = {name for name in synthesis.children if isinstance(name, str) and re.fullmatch(r"b\d{1,5}", name)}
    for level in range(len(names)):
        yield synthesis.child(f"b{4 << level}")


def _check_architecture(block: _Module) -> None:
    stated = block.attributes.get("architecture")
    found = "resnet" if "skip" in block.children else "skip" if "torgb" in block.children else "orig"
    for architecture in (stated, found):
        if architecture not in (None, "skip"):
            raise Unsupported(f"a StyleGAN2 generator of the architecture {str(architecture)[:20]}")


def _mapping_tensors(mapping: _Module) -> Iterator[tuple[str, Tensor]]:
    if "embed" in mapping.children:
        raise Unsupported("a class-conditional StyleGAN2 generator (its mapping embeds labels)")
    depth = sum(isinstance(name, str) and re.fullmatch(r"fc\d+", name) is not None for name in mapping.children)
    for index in range(depth):
        layer = mapping.child(f"fc{index}")
        _check_activation(layer)
        weight, bias = _fully_connected(layer, MappingNetwork.LR_MUL)
        yield f"mapping.weights.{index}", weight
        yield f"mapping.biases.{index}", bias


def _layer_tensors(layer: _Module) -> Iterator[tuple[str, Tensor]]:
    _check_activation(layer)
    _check_filter(layer)
    yield "weight", layer.tensor("weight")
    yield "bias", layer.tensor("bias")
    yield from _affine(layer)
    if layer.has("noise_const"):
        yield "noise", layer.tensor("noise_const")
        yield "noise_strength", layer.tensor("noise_strength")
    else:  # trained with use_noise off
        size = layer.attributes.get("resolution")
        if type(size) is not int or not 4 <= size <= 4096:
            raise Misfit(f"tensor {layer.name}.noise_const is missing")
        yield "noise", ops.fir_kernel().new_zeros(size, size)
        yield "noise_strength", ops.fir_kernel().new_zeros(())


def _to_rgb_tensors(layer: _Module) -> Iterator[tuple[str, Tensor]]:
    weight = layer.tensor("weight")
    if weight.shape[2:] != (1, 1):
        raise Misfit(f"tensor {layer.name}.weight has shape {tuple(weight.shape)}, expected (3, C, 1, 1)")
    yield "weight", weight[:, :, 0, 0]
    yield "bias", layer.tensor("bias")
    yield from _affine(layer)


def _affine(layer: _Module) -> Iterator[tuple[str, Tensor]]:
    weight, bias = _fully_connected(layer.child("affine"), 1.0)
    yield "affine_weight", weight
    yield "affine_bias", bias


def _fully_connected(layer: _Module, lr_mul: float) -> tuple[Tensor, Tensor]:
    """Weight and bias for our gains, where the layer's own differ: a rate multiplier other than the usual."""
    weight, bias = layer.tensor("weight"), layer.tensor("bias")
    if weight.ndim != 2 or not weight.shape[1]:
        raise Misfit(f"tensor {layer.name}.weight has shape {tuple(weight.shape)}, expected two dimensions")
    gain = lr_mul / math.sqrt(weight.shape[1])
    for tensor, ours, stated in ((weight, gain, "weight_gain"), (bias, lr_mul, "bias_gain")):
        theirs = layer.attributes.get(stated, ours)
        if not math.isclose(theirs, ours, rel_tol=1e-6):
            tensor *= theirs / ours
    return weight, bias


def _check_activation(layer: _Module) -> None:
    if (activation := layer.attributes.get("activation", "lrelu")) != "lrelu":
        raise Unsupported(f"a StyleGAN2 generator with the activation {str(activation)[:20]}")


def _check_filter(layer: _Module) -> None:
    """Filters are rebuilt, not read: one that differs would change every image."""
    if layer.has("resample_filter"):
        found, expected = layer.tensor("resample_filter"), ops.fir_kernel()
        if found.shape != expected.shape or not found.allclose(expected, atol=1e-4):
            raise Unsupported("a StyleGAN2 generator with another resampling filter than [1, 3, 3, 1]")


def _clamp(layers: list[_Module]) -> float | None:
    """The limit of activations, one for all layers."""
    clamps = {layer.attributes.get("conv_clamp") for layer in layers}
    if len(clamps) > 1:
        raise Unsupported("a StyleGAN2 generator whose layers differ in conv_clamp")
    clamp = clamps.pop()
    return None if clamp is None else float(clamp)
