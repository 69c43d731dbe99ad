"""rosinality's layout of StyleGAN2: the ``.pt`` files of stylegan2-pytorch, Labels4Free, pSp, e4e and many others."""

import re
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from ...networks import ops
from ...networks.stylegan2 import Generator
from ...short import short
from ..assembly.assemble import W_AVG_DRAWS, build_generator, check_kernel, settled
from ..assembly.errors import Misfit
from ..assembly.images import constant_size, in_rgb
from ..assembly.names import State, find, find_raw, found_in
from ..pickle.tensors import load_tensor
from .discriminators import ROSINALITY as DISCRIMINATOR
from .discriminators import of_rosinality
from .layout import Beside, Layout, beside_of

_SIGN = ("conv1.conv.modulation.weight",)

_LAYER = {
    "conv.modulation.weight": "affine_weight",
    "conv.modulation.bias": "affine_bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
}
_MAX_LAYERS = 17
"""Styled convolutions of a generator of 1024 px."""
_TO_RGB = {"conv.modulation.weight": "affine_weight", "conv.modulation.bias": "affine_bias"}


def recognises(content: object) -> bool:
    """Whether the content of a file holds a generator in this layout."""
    return find(content, _SIGN) is not None


def read(content: Mapping) -> tuple[Generator, tuple[str, ...]]:
    """The averaged generator in the content of a file, and what had to be decided on the way.

    Raises:
        Misfit: names or shapes are not those of a StyleGAN2 generator.
    """
    found = found_in(content, _SIGN)
    network, notes = _generator(found)
    return network, (*found.notes("generator", "g_ema"), *notes)


def beside(content: Mapping) -> Beside:
    """The raw generator and the discriminator in the content of a file."""
    raw, discriminator = find_raw(content, _SIGN), find(content, DISCRIMINATOR)
    return beside_of(
        partial(_generator, raw) if raw else None, partial(of_rosinality, discriminator) if discriminator else None
    )


def _generator(found: State) -> tuple[Generator, list[str]]:
    """The generator of a state dict, and what had to be decided on the way."""
    notes: list[str] = []
    latent_avg, tensors = found.beside("latent_avg"), {}
    state = {name: value for name, value in found.tensors.items() if name != "latent_avg"}
    for name, value in state.items():
        tensor = load_tensor(value)
        if name.endswith((".blur.kernel", ".upsample.kernel")):
            check_kernel(name, tensor, gain=4)
        else:
            tensors[_our_name(name)] = settled(_our_shape(name, tensor), name)
    if not any(name.startswith("noises.") for name in state):
        # The layout's first version drew noise anew for every image and kept no maps.
        notes.append("the file has no noise maps; with constant noise there is none")
        tensors |= _silent_noise(tensors)
    if latent_avg is not None:
        tensors["w_avg"] = _one_code(load_tensor(latent_avg))
    else:
        notes.append(f"the file has no latent_avg; the centre of truncation is the mean w of {W_AVG_DRAWS} draws")
    tensors, colours = in_rgb(tensors)
    return build_generator(tensors), [*notes, *colours]


def state_dict(generator: Generator) -> dict[str, Tensor]:
    """The tensors of a generator by this layout's names, with the filters that the layout keeps among them."""
    kernel = ops.fir_kernel(gain=4)
    state = {"input.input": generator.constant[None]}
    for index, (weight, bias) in enumerate(zip(generator.mapping.weights, generator.mapping.biases, strict=True)):
        state |= {f"style.{index + 1}.weight": weight, f"style.{index + 1}.bias": bias}
    for index, layer in enumerate(generator.layers):
        name = "conv1" if index == 0 else f"convs.{index - 1}"
        state |= {
            f"{name}.conv.weight": layer.weight[None],
            f"{name}.conv.modulation.weight": layer.affine_weight,
            f"{name}.conv.modulation.bias": layer.affine_bias,
            f"{name}.noise.weight": layer.noise_strength[None],
            f"{name}.activate.bias": layer.bias,
            f"noises.noise_{index}": layer.noise[None, None],
        }
        if layer.up:
            state[f"{name}.conv.blur.kernel"] = kernel
    for index, layer in enumerate(generator.to_rgb):
        name = "to_rgb1" if index == 0 else f"to_rgbs.{index - 1}"
        state |= {
            f"{name}.conv.weight": layer.weight[None, :, :, None, None],
            f"{name}.conv.modulation.weight": layer.affine_weight,
            f"{name}.conv.modulation.bias": layer.affine_bias,
            f"{name}.bias": layer.bias[None, :, None, None],
        }
        if index > 0:
            state[f"{name}.upsample.kernel"] = kernel
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def _one_code(latent_avg: Tensor) -> Tensor:
    """The centre of truncation as one w (w_dim): files of encoders repeat it for every layer."""
    if latent_avg.ndim == 1:
        return latent_avg
    rows = latent_avg.flatten(0, -2).float()
    return rows[0] if rows.eq(rows[0]).all() else rows.mean(0)


def _silent_noise(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    layers = sum(name.startswith("layers.") and name.endswith(".bias") and "affine" not in name for name in tensors)
    if layers > _MAX_LAYERS:
        raise Misfit(f"{layers} styled convolutions")
    height, width = constant_size(tensors)
    levels = {index: (index + 1) // 2 for index in range(layers)}
    return {f"layers.{index}.noise": torch.zeros(height << level, width << level) for index, level in levels.items()}


def _our_name(name: str) -> str:
    head, _, rest = name.partition(".")
    if head == "style":
        index, _, kind = rest.partition(".")
        return f"mapping.{'weights' if kind == 'weight' else 'biases'}.{_index(index) - 1}"
    if head == "input":
        return "constant"
    if head == "noises":
        return f"layers.{rest.removeprefix('noise_')}.noise"
    if head in ("conv1", "convs"):
        index, rest = (0, rest) if head == "conv1" else _split_index(rest, 1)
        return f"layers.{index}.{_LAYER.get(rest, rest.removeprefix('conv.'))}"
    if head in ("to_rgb1", "to_rgbs"):
        index, rest = (0, rest) if head == "to_rgb1" else _split_index(rest, 1)
        return f"to_rgb.{index}.{_TO_RGB.get(rest, rest.removeprefix('conv.'))}"
    raise Misfit(f"tensor {short(name)} is not known")


def _split_index(rest: str, offset: int) -> tuple[int, str]:
    index, _, rest = rest.partition(".")
    return _index(index) + offset, rest


def _index(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise Misfit(f"a layer of the number {short(text)}")
    return int(text)


def _our_shape(name: str, tensor: Tensor) -> Tensor:
    """A tensor without the leading and trailing dimensions of size one that this layout keeps."""
    if name.endswith("conv.weight"):
        return tensor.flatten(1)[0].reshape(tensor.shape[1:3]) if tensor.shape[3:] == (1, 1) else tensor[0]
    if name.endswith("noise.weight"):
        return tensor.reshape(())
    if name.startswith("noises."):
        return tensor[0, 0]
    if name == "input.input":
        return tensor[0]
    return tensor.flatten() if name.startswith("to_rgb") and name.endswith(".bias") and tensor.ndim == 4 else tensor


LAYOUT = Layout(
    name="rosinality",
    kind="generator",
    held="a StyleGAN2 generator of rosinality's layout",
    asked="rosinality's layout (g_ema)",
    signs="a state dict with conv1.conv.modulation.weight, as g_ema, g, decoder.* in state_dict or alone",
    recognises=recognises,
    read=read,
    beside=beside,
    parts={
        "g": "the raw generator",
        "g_ema": "the averaged generator",
        "d": "the discriminator",
        "g_optim": "the generator's optimizer",
        "d_optim": "the discriminator's optimizer",
        "latent_avg": "the centre of truncation",
        "args": "the options of its training",
        "opts": "the options of its training",
        "ada_aug_p": "the strength of the augmentation",
    },
    rank=1,
)
