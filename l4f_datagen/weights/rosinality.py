"""rosinality's StyleGAN2 layout: the ``.pt`` files of Labels4Free, pSp, e4e and many others."""

from collections.abc import Mapping

from torch import Tensor

from ..networks import ops
from ..networks.stylegan2 import Generator
from .assemble import W_AVG_DRAWS, Misfit, build_generator

_LAYER = {
    "conv.modulation.weight": "affine_weight",
    "conv.modulation.bias": "affine_bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
}
_TO_RGB = {"conv.modulation.weight": "affine_weight", "conv.modulation.bias": "affine_bias"}


def recognises(content: object) -> bool:
    """Whether an unpickled file holds a generator in this layout."""
    return isinstance(content, Mapping) and _generator_state(content) is not None


def read(content: Mapping) -> tuple[Generator, tuple[str, ...]]:
    """The averaged generator of an unpickled file, and what had to be decided on the way.

    Raises:
        Misfit: it is no StyleGAN2 of this layout after all.
    """
    notes = []
    if "g_ema" not in content and "g" in content:
        notes.append("the file has no averaged generator g_ema; its raw generator g is used")
    tensors = {}
    for name, tensor in _generator_state(content).items():
        if name.endswith((".blur.kernel", ".upsample.kernel")):
            _check_kernel(name, tensor)
        else:
            tensors[_our_name(name)] = _our_shape(name, tensor)
    if content.get("latent_avg") is not None:
        tensors["w_avg"] = content["latent_avg"]
    else:
        notes.append(f"the file has no latent_avg; the centre of truncation is the mean w of {W_AVG_DRAWS} draws")
    return build_generator(tensors), tuple(notes)


def _generator_state(content: Mapping) -> Mapping | None:
    for candidate in (content.get("g_ema"), content.get("g"), content):
        if isinstance(candidate, Mapping) and "conv1.conv.modulation.weight" in candidate:
            return candidate
    return None


def _our_name(name: str) -> str:
    head, _, rest = name.partition(".")
    if head == "style":
        index, _, kind = rest.partition(".")
        return f"mapping.{'weights' if kind == 'weight' else 'biases'}.{int(index) - 1}"
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
    raise Misfit(f"tensor {name} is not known")


def _split_index(rest: str, offset: int) -> tuple[int, str]:
    index, _, rest = rest.partition(".")
    return int(index) + offset, rest


def _our_shape(name: str, tensor: Tensor) -> Tensor:
    """Without the leading and trailing dimensions of size one that this layout keeps."""
    if name.endswith("conv.weight"):
        return tensor.flatten(1)[0].reshape(tensor.shape[1:3]) if tensor.shape[3:] == (1, 1) else tensor[0]
    if name.endswith("noise.weight"):
        return tensor.reshape(())
    if name.startswith("noises."):
        return tensor[0, 0]
    if name == "input.input":
        return tensor[0]
    return tensor.flatten() if name.startswith("to_rgb") and name.endswith(".bias") and tensor.ndim == 4 else tensor


def _check_kernel(name: str, kernel: Tensor) -> None:
    """Filters are rebuilt, not read: one that differs would change every image."""
    expected = ops.fir_kernel(gain=4).to(kernel)
    if kernel.shape != expected.shape or not kernel.allclose(expected, atol=1e-4):
        raise Misfit(f"filter {name} is not the [1, 3, 3, 1] of StyleGAN2")
