"""Networks by whose features pictures are compared: a discriminator of a run, a segmenter, or LPIPS' weights."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..addresses import shown
from ..errors import UserError
from ..networks.backbones.vgg import STAGES, PerceptualFeatures
from ..networks.discriminator import Discriminator
from ..short import short
from .assembly.names import find
from .layouts import reading
from .load import CHECKPOINTS, locate, read_segmenter, result_of
from .native import is_native, state
from .native.folders import network_file
from .pickle.tensors import load_tensor
from .source import file_sha256

Features = Callable[[Tensor], Sequence[Tensor]]
_EPSILON = 1e-8
_STATE, _PREFIX = "state.safetensors", "discriminator."
_LPIPS = tuple(f"net.slice{stage + 1}.{number}.weight" for stage, numbers in enumerate(STAGES) for number in numbers)
_HEADS = tuple(f"lin{stage}.model.1.weight" for stage in range(len(STAGES)))


class FeatureNetwork(NamedTuple):
    """A network that is looked at for its features."""

    features: Features
    """Images (N, 3, H, W), nominally [-1, 1] → maps (N, C, h, w), whose vectors have unit length, or are weighted."""
    name: str
    what: str
    """What it is, in words."""
    sha256: str
    """Of the file that it is from."""


def read_features(path: str | Path, *, size: int, device: torch.device) -> FeatureNetwork:
    """The features of a network, frozen.

    Args:
        path: a run of ``train-generator`` or one of its checkpoints, whose discriminator is taken; a segmenter, as
            ``load_segmenter`` takes it; or a file with the state dict of LPIPS on VGG-16.
        size: height and width in pixels of the images that will be compared.

    Raises:
        UserError: it is nothing of the kind, or a discriminator of images of another size.
    """
    found = locate(path)
    if run_state := _state_of(found):
        network, what = _discriminator(run_state, size), "the discriminator of a run"
        return FeatureNetwork(_of_discriminator(network.to(device)), shown(path), what, file_sha256(run_state))
    found = result_of(found)
    if not found.is_dir():
        with reading.opened(found, str(path)) as content:
            if find(content.data, _LPIPS) is not None:
                return FeatureNetwork(
                    _perceptual(content.data, str(path)).to(device), shown(path), "LPIPS on VGG-16", file_sha256(found)
                )
    elif not is_native(found) or network_file(found, "segmenter") is None:
        raise UserError(
            f"features {path}", got="a folder without a discriminator's state and without a segmenter",
            expected="a run of train-generator, a segmenter, or a file with the weights of LPIPS (VGG-16)",
            remedy="leave --features out to compare pixels alone",
        )  # fmt: skip
    segmenter, source = read_segmenter(path)
    segmenter.to(device)
    return FeatureNetwork(
        lambda images: [_unit(segmenter.deepest(images))], source.name, "a segmenter's encoder", source.sha256
    )


def _state_of(found: Path) -> Path | None:
    """The newest state of a run's folder, or of one of its checkpoints, that holds a discriminator."""
    folder = found / CHECKPOINTS
    numbers = sorted(p.name for p in folder.iterdir() if p.name.isdigit()) if folder.is_dir() else []
    file = folder / numbers[-1] / _STATE if numbers else found / _STATE
    if not file.is_file():
        return None
    with state.opened(file) as (tensors, _):
        return file if any(name.startswith(_PREFIX) for name in tensors) else None


def _discriminator(file: Path, size: int) -> Discriminator:
    with state.opened(file) as (found, _):
        tensors = {name.removeprefix(_PREFIX): t for name, t in found.items() if name.startswith(_PREFIX)}
        levels = sum(name.endswith(".skip.weight") for name in tensors)
        inner = [tensors[f"blocks.{block}.second.weight"].shape[0] for block in range(levels)]
        network = Discriminator(channels=[*reversed(inner), tensors["from_rgb.weight"].shape[0]])
        network.load_state_dict(tensors)
    if (theirs := 4 << levels) != size:
        raise UserError(
            f"features {file}", got=f"a discriminator of images of {theirs} px", expected=f"one of {size} px",
            remedy="name a run of this generator",
        )  # fmt: skip
    return network.eval().requires_grad_(False)


def _of_discriminator(network: Discriminator) -> Features:
    def features(images: Tensor) -> list[Tensor]:
        maps = [network.shallow(images)]
        for block in network.blocks:
            maps.append(block(maps[-1]))
        return [_unit(one) for one in maps[1:]]

    return features


def _unit(maps: Tensor) -> Tensor:
    return maps * (maps.square().sum(1, keepdim=True) + _EPSILON).rsqrt()


def _perceptual(content: object, name: str) -> nn.Module:
    found = find(content, _LPIPS)
    assert found is not None, "it was just found"
    try:
        tensors = {key: load_tensor(found.tensors[key]).float() for key in (*_all(found.tensors), *_HEADS)}
        weights = {
            int(key.split(".")[2]): (tensors[key], tensors[key.removesuffix("weight") + "bias"]) for key in _LPIPS
        }
        network = PerceptualFeatures(weights, [tensors[key] for key in _HEADS])
        network(torch.zeros(1, 3, 16, 16))
    except (KeyError, RuntimeError, ValueError) as error:
        raise UserError(
            f"features {name}", got=f"weights of LPIPS that do not fit ({short(error, 120)})",
            expected="the state dict of lpips.LPIPS(net='vgg')", remedy="download it again",
        ) from error  # fmt: skip
    return network


def _all(tensors: Mapping[str, object]) -> list[str]:
    return [key for key in tensors if key.startswith("net.slice")]
