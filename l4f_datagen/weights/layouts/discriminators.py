"""The discriminators of rosinality's and NVIDIA's files, which trainings go on with: both are StyleGAN2's."""

import re
from collections.abc import Iterator

from torch import Tensor

from ...networks.discriminator import Discriminator
from ...short import short
from ..assembly.assemble import check_kernel, settled
from ..assembly.discriminators import build_discriminator
from ..assembly.errors import Unsupported
from ..assembly.names import State
from ..pickle.tensors import load_tensor
from .nvidia_modules import Module, check_activation, check_filter, fully_connected

ROSINALITY = ("convs.0.0.weight", "final_linear.0.weight")
"""Tensors by which rosinality's is told."""
NVIDIA = ("b4.fc.weight", "b4.out.weight")
"""Tensors by which a state dict of NVIDIA's is told."""
_HEAD = {"final_linear.0": "hidden", "final_linear.1": "score"}
_LAYERS = {
    "convs.0.0.weight": "from_rgb.weight",
    "convs.0.1.bias": "from_rgb.bias",
    "final_conv.0.weight": "last.weight",
    "final_conv.1.bias": "last.bias",
    **{f"{theirs}.{kind}": f"{ours}_{kind}" for theirs, ours in _HEAD.items() for kind in ("weight", "bias")},
}
_BLOCK = {
    "conv1.0.weight": "first.weight",
    "conv1.1.bias": "first.bias",
    "conv2.1.weight": "second.weight",
    "conv2.2.bias": "second.bias",
    "skip.1.weight": "skip.weight",
}
_OF_BLOCK = re.compile(r"convs\.([1-9][0-9]?)\.(.+)")


def of_rosinality(found: State) -> tuple[Discriminator, list[str]]:
    """The discriminator of a state dict in rosinality's layout, and what had to be decided on the way.

    Raises:
        Misfit: names, shapes or filters are not those of a StyleGAN2 discriminator of RGB images.
    """
    tensors = {}
    for name, value in found.tensors.items():
        tensor = load_tensor(value)
        if name.endswith(".kernel"):
            check_kernel(name, tensor, gain=1)
            continue
        block = _OF_BLOCK.fullmatch(name)
        ours = f"blocks.{int(block[1]) - 1}.{_BLOCK.get(block[2], block[2])}" if block else _LAYERS.get(name, name)
        tensors[ours] = settled(tensor, name)
    return build_discriminator(tensors), []


def of_nvidia(network: Module) -> tuple[Discriminator, list[str]]:
    """The discriminator of modules in NVIDIA's layout, and what had to be decided on the way.

    Raises:
        Misfit: names or shapes are not those of a StyleGAN2 discriminator of RGB images.
        Unsupported: it is another network; says which.
    """
    if "mapping" in network.children or network.attributes.get("c_dim", 0):
        raise Unsupported("a class-conditional discriminator")
    tensors = dict(_nvidia_tensors(network))
    clamp = network.child("b4").child("conv").attributes.get("conv_clamp")
    notes = [] if clamp is None else [f"the limit on its discriminator's activations ({short(clamp, 20)}) is not kept"]
    return build_discriminator({name: settled(tensor, name) for name, tensor in tensors.items()}), notes


def _nvidia_tensors(network: Module) -> Iterator[tuple[str, Tensor]]:
    names = {name for name in network.children if isinstance(name, str) and re.fullmatch(r"b[0-9]{1,5}", name)}
    blocks = [network.child(f"b{4 << level}") for level in range(len(names) - 1, 0, -1)]
    for index, block in enumerate(blocks):
        if "skip" not in block.children or ("fromrgb" in block.children) != (index == 0):
            raise Unsupported("a discriminator of another architecture than resnet")
        if index == 0:
            yield from _convolution(block.child("fromrgb"), "from_rgb")
        yield from _convolution(block.child("conv0"), f"blocks.{index}.first")
        yield from _convolution(block.child("conv1"), f"blocks.{index}.second")
        yield f"blocks.{index}.skip.weight", block.child("skip").tensor("weight")
        check_filter(block.child("skip"))
    last = network.child("b4")
    yield from _convolution(last.child("conv"), "last")
    for theirs, ours in (("fc", "hidden"), ("out", "score")):
        weight, bias = fully_connected(last.child(theirs), 1.0)
        yield f"{ours}_weight", weight
        yield f"{ours}_bias", bias


def _convolution(layer: Module, name: str) -> Iterator[tuple[str, Tensor]]:
    check_activation(layer)
    check_filter(layer)
    yield f"{name}.weight", layer.tensor("weight")
    yield f"{name}.bias", layer.tensor("bias")
