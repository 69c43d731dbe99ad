"""NVIDIA's PyTorch networks: StyleGAN2 of the stylegan2-ada-pytorch and stylegan3 repositories.

Only the tensors are looked at and, where modules were pickled whole, what they say about themselves.
"""

import math
import re
from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ...networks import ops
from ...networks.stylegan2 import Generator
from ...networks.stylegan2 import Mapping as MappingNetwork
from ...short import short
from ..assembly import relatives
from ..assembly.assemble import W_AVG_DRAWS, build_generator, clamp_of, settled
from ..assembly.errors import Misfit, Unsupported
from ..assembly.images import check_channels, constant_size, in_rgb
from ..assembly.names import find, find_raw, found_in
from ..pickle.machine import Record
from ..pickle.modules import PickledModule
from .discriminators import NVIDIA as DISCRIMINATOR
from .discriminators import of_nvidia
from .layout import Beside, Layout, beside_of
from .nvidia_modules import (
    PERSISTENT_OBJECT,
    Module,
    check_activation,
    check_filter,
    fully_connected,
    is_pickled,
    of_record,
    of_state,
)

KEYS = ("G_ema", "G")
_SIGNS = (
    ("synthesis.b4.const",),
    ("synthesis.input.weight", "mapping.fc0.weight"),  # StyleGAN3's
    ("synthesis.b4.conv1.weight", "mapping.fc0.weight"),
)
_MAX_LEVELS = 10
_MAX_CLASSES, _MAX_BIASES = 1 << 16, 1 << 26
"""Classes, and numbers of all their biases; ImageNet's are a thousand of 512."""


def recognises(data: object) -> bool:
    """Whether the content of a file holds a generator in this layout."""
    return _pickled(data) is not None or find(data, *_SIGNS) is not None


def read(data: object) -> tuple[Generator, tuple[str, ...]]:
    """The averaged generator in the content of a file, and what had to be decided on the way.

    Raises:
        Misfit: names or shapes are not those of a StyleGAN2 generator.
        Unsupported: it is another network; says which.
    """
    module, notes = _averaged(data)
    network, more = _generator(module)
    return network, (*notes, *more)


def beside(data: object) -> Beside:
    """The raw generator and the discriminator in the content of a file."""
    if isinstance(data, Mapping) and is_pickled(data.get(KEYS[0])):
        raw, discriminator = (of_record(data[key], "") if is_pickled(data.get(key)) else None for key in ("G", "D"))
    else:
        states = find_raw(data, *_SIGNS), find(data, DISCRIMINATOR)
        raw, discriminator = (state and of_state(state.tensors) for state in states)
    return beside_of(
        partial(_generator, raw) if raw else None, partial(of_nvidia, discriminator) if discriminator else None
    )


def _generator(network: Module) -> tuple[Generator, list[str]]:
    """The generator of modules, and what had to be decided on the way."""
    notes: list[str] = []
    _check_relative(network)
    mapping, synthesis = network.child("mapping"), network.child("synthesis")
    _check_kind(network, mapping, synthesis)
    blocks = list(_blocks(synthesis))
    for block in blocks:
        _check_architecture(block)
    tensors = dict(_mapping_tensors(mapping))
    if mapping.has("w_avg"):
        tensors["w_avg"] = mapping.tensor("w_avg")
    else:
        notes.append(f"the file has no w_avg; the centre of truncation is the mean w of {W_AVG_DRAWS} draws")
    tensors["constant"] = blocks[0].tensor("const")
    coarsest = constant_size(tensors)
    layers = [block.child(name) for block in blocks for name in ("conv0", "conv1") if name in block.children]
    to_rgb = [block.child("torgb") for block in blocks]
    for index, layer in enumerate(layers):
        tensors |= {
            f"layers.{index}.{name}": settled(tensor, f"{layer.name}.{name}")
            for name, tensor in _layer_tensors(layer, coarsest)
        }
    for index, layer in enumerate(to_rgb):
        tensors |= {
            f"to_rgb.{index}.{name}": settled(tensor, f"{layer.name}.{name}") for name, tensor in _to_rgb_tensors(layer)
        }
    tensors, colours = in_rgb(tensors)
    notes += colours
    return build_generator(tensors, conv_clamp=_clamp([*layers, *to_rgb])), notes


def _averaged(data: object) -> tuple[Module, list[str]]:
    """The averaged generator if there is one, else the raw one, and what had to be decided to find it."""
    record = _pickled(data)
    if record is None:
        found = found_in(data, *_SIGNS)
        notes = found.notes("generator", "G_ema")
        notes.append("a state dict does not say where activations are clamped (conv_clamp); none are")
        return of_state(found.tensors), notes
    notes = []
    if isinstance(data, Mapping) and not is_pickled(data.get(KEYS[0])):
        notes.append("the file has no averaged generator G_ema; its raw generator G is used")
    return of_record(record, ""), notes


def _pickled(data: object) -> Record | None:
    candidates = [data.get(key) for key in KEYS] if isinstance(data, Mapping) else [data]
    for candidate in candidates:
        # Alone, a module of torch may be any network.
        known = isinstance(data, Mapping) or {"mapping", "synthesis"} <= _children(candidate)
        if is_pickled(candidate) and (known or not isinstance(candidate, PickledModule)):
            return candidate
    return None


def _children(record: object) -> set[str]:
    return set(record.part("_modules")) if isinstance(record, PickledModule) else set()


def _check_relative(network: Module) -> None:
    """Refuse a generator that has neither a mapping nor a synthesis, by its name."""
    inner = network.child("Model") if "Model" in network.children else network
    if {"MainLayers", "AggregationLayer"} <= inner.children.keys():
        raise Unsupported(*relatives.R3GAN)


def _check_kind(network: Module, mapping: Module, synthesis: Module) -> None:
    """Refuse other networks that come in this file format, each by its name."""
    if "b4" not in synthesis.children:
        if any(re.fullmatch(r"L\d+_\d+_\d+", name) for name in synthesis.children if isinstance(name, str)):
            # Its embedding is there, and stays unused, where it has no classes.
            embeds = "embed_proj" in mapping.children or isinstance(mapping.children.get("embed"), PickledModule)
            raise Unsupported(*(relatives.STYLEGAN_XL if embeds else relatives.STYLEGAN3))
        raise Unsupported(f"a network of another kind ({network.class_name}, {synthesis.class_name})")
    if network.attributes.get("c_dim", 0) and "embed" not in mapping.children:
        raise Unsupported("a class-conditional StyleGAN2 generator whose mapping embeds no labels")
    check_channels(network.attributes.get("img_channels", 3))
    if not network.attributes.get("z_dim", 1):
        raise Unsupported("a StyleGAN2 generator without a latent z")


def _blocks(synthesis: Module) -> Iterator[Module]:
    """The blocks from 4×4 up."""
    names = {name for name in synthesis.children if isinstance(name, str) and re.fullmatch(r"b[0-9]{1,5}", name)}
    if len(names) > _MAX_LEVELS:
        raise Misfit(f"{len(names)} resolutions are not those of a StyleGAN2")
    for level in range(len(names)):
        yield synthesis.child(f"b{4 << level}")


def _check_architecture(block: Module) -> None:
    stated = block.attributes.get("architecture")
    if stated is not None and not isinstance(stated, str):
        raise Misfit(f"the architecture {short(stated, 20)}")
    found = "resnet" if "skip" in block.children else "skip" if "torgb" in block.children else "orig"
    for architecture in (stated, found):
        if architecture not in (None, "skip"):
            raise Unsupported(f"a StyleGAN2 generator of the architecture {short(architecture, 20)}")


def _mapping_tensors(mapping: Module) -> Iterator[tuple[str, Tensor]]:
    depth = sum(isinstance(name, str) and re.fullmatch(r"fc[0-9]{1,5}", name) is not None for name in mapping.children)
    for index in range(depth):
        layer = mapping.child(f"fc{index}")
        check_activation(layer)
        weight, bias = fully_connected(layer, MappingNetwork.LR_MUL)
        if index == 0 and "embed" in mapping.children:
            weight, bias = _of_classes(weight, bias, *fully_connected(mapping.child("embed"), 1.0))
        yield f"mapping.weights.{index}", weight
        yield f"mapping.biases.{index}", bias


def _of_classes(weight: Tensor, bias: Tensor, embedding: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """The first layer of a class-conditional mapping, for z alone: its weight, and a bias for every class.

    Args:
        weight, bias: for z and the embedded class side by side, (O, z_dim + E) and (O).
        embedding, shift: weight and bias of the layer that embeds one-hot classes, (E, C) and (E).
    """
    size, classes = embedding.shape
    z_dim, outputs = weight.shape[1] - size, weight.shape[0]
    if z_dim <= 0:
        raise Unsupported("a StyleGAN2 generator without a latent z")
    if classes > _MAX_CLASSES or classes * outputs > _MAX_BIASES:
        raise Misfit(f"{classes} classes of {outputs} numbers")
    embedded = embedding.float().t() / math.sqrt(classes) + shift.float()
    embedded = embedded * (embedded.square().mean(1, keepdim=True) + ops.EPSILON).rsqrt()
    weight, total = weight.float(), math.sqrt(weight.shape[1])
    biases = bias.float() + embedded @ weight[:, z_dim:].t() / total
    return weight[:, :z_dim] * (math.sqrt(z_dim) / total), biases


def _layer_tensors(layer: Module, coarsest: tuple[int, int]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a styled convolution by our names; ``coarsest`` are height and width of the constant."""
    check_activation(layer)
    check_filter(layer)
    yield "weight", layer.tensor("weight")
    yield "bias", layer.tensor("bias")
    yield from _affine(layer)
    if layer.has("noise_const"):
        yield "noise", layer.tensor("noise_const")
        yield "noise_strength", layer.tensor("noise_strength")
    else:  # trained with use_noise off
        # The size follows from its place: what a layer says about its own size could be anything.
        doubled = int(layer.name.split(".")[-2].removeprefix("b")) // 4
        yield "noise", ops.fir_kernel().new_zeros(coarsest[0] * doubled, coarsest[1] * doubled)
        yield "noise_strength", ops.fir_kernel().new_zeros(())


def _to_rgb_tensors(layer: Module) -> Iterator[tuple[str, Tensor]]:
    weight = layer.tensor("weight")
    if weight.shape[2:] != (1, 1):
        raise Misfit(f"tensor {layer.name}.weight has shape {short(weight.shape)}, expected (3, C, 1, 1)")
    yield "weight", weight[:, :, 0, 0]
    yield "bias", layer.tensor("bias")
    yield from _affine(layer)


def _affine(layer: Module) -> Iterator[tuple[str, Tensor]]:
    weight, bias = fully_connected(layer.child("affine"), 1.0)
    yield "affine_weight", weight
    yield "affine_bias", bias


def _clamp(layers: list[Module]) -> float | None:
    """The limit of activations, which has to be the same in all layers; None for no limit."""
    clamps = {clamp_of(layer.attributes.get("conv_clamp")) for layer in layers}
    if len(clamps) > 1:
        raise Unsupported("a StyleGAN2 generator whose layers differ in conv_clamp")
    return clamps.pop()


LAYOUT = Layout(
    name="nvidia",
    kind="generator",
    held="a generator in NVIDIA's PyTorch layout",
    asked="NVIDIA's (G_ema; synthesis.b4)",
    signs="G_ema or G, a network of torch_utils.persistence with the modules mapping and synthesis.b4; "
    "or a state dict with synthesis.b4.const and mapping.fc0.weight",
    recognises=recognises,
    read=read,
    beside=beside,
    parts={
        "G": "the raw generator",
        "G_ema": "the averaged generator",
        "D": "the discriminator",
        "training_set_kwargs": "the options of its training set",
        "augment_pipe": "the augmentation",
    },
    records=(PERSISTENT_OBJECT,),
    rank=2,
)
