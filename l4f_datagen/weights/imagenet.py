"""Weights of a classifier of ImageNet, in torchvision's or timm's names, for the encoder of a segmenter."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..addresses import shown
from ..errors import UserError
from ..networks.segmenter import Segmenter
from ..short import short
from .assembly.assemble import settled
from .assembly.names import find
from .containers import files
from .load import locate
from .pickle.tensors import load_tensor

_CLASSIFIER = ("fc.", "classifier.", "head.", "last_linear.")
"""How the names of layers begin that a classifier has behind its encoder."""
_COUNT = "num_batches_tracked"
_SIGNS = 2
"""Filters of an encoder by whose names it is found in a file: the first ones."""
_EXPECTED = "the weights of a classifier of ImageNet, in torchvision's or timm's names"


def begin(network: Segmenter, path: str) -> str:
    """Give the encoder of a segmenter the weights of a file. Returns a sentence that says what was taken and what not.

    Args:
        path: a state dict in a .pth or .safetensors file, or the address of one; nothing of it is run.

    Raises:
        UserError: the file cannot be read or is of another network, or the segmenter has no such encoder.
    """
    part = network.pretrainable
    if part is None:
        raise UserError(
            "encoder", got=f"weights for a {network.title}, which has no encoder of ImageNet",
            expected="an architecture on a ResNet",
            remedy="use --arch unet-resnet18 or bisenet, or leave --encoder out",
        )  # fmt: skip
    name = f"encoder {shown(path)}"
    with files.opened(locate(path), name, expected=_EXPECTED) as content:
        own = part.state_dict()
        signs = [key for key, tensor in own.items() if tensor.ndim == 4][:_SIGNS]
        found = find(content.data, signs)
        if found is None:
            raise UserError(
                name, got=f"a file without the tensors {' and '.join(signs)}", expected=_EXPECTED,
                remedy=f"save the state dict of the network that a {network.title} is built on",
            )  # fmt: skip
        read = {key: load_tensor(value) for key, value in found.tensors.items() if key in own}
        tensors = {key: settled(t, key) if own[key].is_floating_point() else t for key, t in read.items()}
        beyond = [key for key in found.tensors if key not in own]
    _check(network, name, own, tensors, [key for key in beyond if not key.startswith(_CLASSIFIER)])
    # Files of old versions of torch do not say how many batches a normalisation has seen.
    counts = {key: torch.zeros_like(tensor) for key, tensor in own.items() if key.endswith(_COUNT)}
    part.load_state_dict(counts | tensors)
    left = f"; its classifier is left out ({short(', '.join(beyond), 80)})" if beyond else ""
    return f"{name}: {len(tensors)} tensors are where the {network.title} begins{left}"


def _check(
    network: Segmenter,
    name: str,
    own: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    unknown: list[str],
) -> None:
    """Refuse a file of another network than the encoder, and one of another width.

    Raises:
        UserError: as it says.
    """
    missing = [key for key in own if key not in tensors and not key.endswith(_COUNT)]
    for what, names in (("without", missing), ("with", unknown)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise UserError(
                name, got=f"another network: one {what} the tensor {short(names[0])}{more}",
                expected=f"the network that a {network.title} is built on", remedy="name a file of that one",
            )  # fmt: skip
    for key, tensor in tensors.items():
        if tensor.shape != own[key].shape:
            raise UserError(
                name, got=f"a tensor {key} of the shape {short(tuple(tensor.shape))}",
                expected=f"{tuple(own[key].shape)}, as in a {network.title} of width {network.width}",
                remedy=f"use --width {tensor.shape[0]}" if key.startswith("conv1") and tensor.ndim == 4
                else "name another file",
            )  # fmt: skip
        if not torch.isfinite(tensor).all():
            raise UserError(
                name, got=f"weights that are not finite (NaN or infinity in {key})", expected="finite ones",
                remedy="download it again",
            )  # fmt: skip
