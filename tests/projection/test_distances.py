"""Distances of pictures, features to compare them by, and noise that is none."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from l4f_datagen.errors import UserError
from l4f_datagen.networks.backbones.vgg import STAGES
from l4f_datagen.networks.discriminator import Discriminator
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.projection import noise
from l4f_datagen.projection.distances import Distance, pyramid
from l4f_datagen.projection.optimise import rate_factor
from l4f_datagen.weights import native
from l4f_datagen.weights.features import read_features
from l4f_datagen.weights.native import state

CPU = torch.device("cpu")


def test_pixels_are_compared_at_all_sizes():
    assert [one.shape[2] for one in pyramid(torch.zeros(1, 3, 64, 64))] == [64, 32, 16, 8]
    targets = torch.randn(3, 3, 32, 32)
    distance = Distance(targets)
    assert torch.equal(distance(targets), torch.zeros(3))
    # A constant shift by c costs c² + 0.2·c at each of three sizes; edges stay.
    assert torch.allclose(distance(targets + 0.5), torch.full((3,), 3 * (0.25 + 0.1)), atol=1e-5)
    one = targets.clone()
    one[1, :, 3, 4] += 1
    assert distance(one)[0] == distance(one)[2] == 0 < distance(one)[1]


def lpips_state(width: int = 4) -> dict[str, torch.Tensor]:
    """A state dict as that of lpips.LPIPS(net="vgg"), with few channels."""
    torch.manual_seed(0)
    tensors, inputs = {}, 3
    for stage, numbers in enumerate(STAGES):
        for number in numbers:
            tensors[f"net.slice{stage + 1}.{number}.weight"] = torch.randn(width, inputs, 3, 3) / 4
            tensors[f"net.slice{stage + 1}.{number}.bias"] = torch.randn(width) / 4
            inputs = width
        tensors[f"lin{stage}.model.1.weight"] = torch.rand(1, width, 1, 1)
    return tensors


def lpips(tensors: dict[str, torch.Tensor], one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """LPIPS written down anew, with torch's own layers."""
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    pair = [(x - shift[None, :, None, None]) / scale[None, :, None, None] for x in (one, other)]
    total = torch.zeros(len(one))
    for stage, numbers in enumerate(STAGES):
        pair = [nn.MaxPool2d(2)(x) if stage else x for x in pair]
        for number in numbers:
            name = f"net.slice{stage + 1}.{number}"
            pair = [torch.relu(nn.functional.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], padding=1))
                    for x in pair]  # fmt: skip
        unit = [x / (x.norm(dim=1, keepdim=True) + 1e-10) for x in pair]
        squares = (unit[0] - unit[1]) ** 2
        total = total + nn.functional.conv2d(squares, tensors[f"lin{stage}.model.1.weight"]).mean((1, 2, 3))
    return total


def test_lpips_of_a_file_is_lpips(tmp_path):
    tensors = lpips_state()
    save_file(tensors, tmp_path / "lpips.safetensors")
    found = read_features(tmp_path / "lpips.safetensors", size=32, device=CPU)
    assert found.what == "LPIPS on VGG-16"
    one, other = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    distance = Distance(one, found.features, 1.0)(other) - Distance(one)(other)
    assert torch.allclose(distance, lpips(tensors, one, other), rtol=1e-4)


def test_features_of_a_run_s_discriminator_and_of_a_segmenter(tmp_path):
    torch.manual_seed(0)
    discriminator = Discriminator(channels=(6, 5, 4))
    for number, tensors in ((1, {}), (2, state.of_module("discriminator", discriminator))):
        (folder := tmp_path / "run" / "checkpoints" / f"{number:06d}").mkdir(parents=True)
        state.save(folder / "state.safetensors", tensors, {})
    found = read_features(tmp_path / "run", size=16, device=CPU)
    image = torch.randn(2, 3, 16, 16)
    x = discriminator.blocks[0](discriminator.shallow(image))
    maps = found.features(image)
    assert [m.shape[1:] for m in maps] == [(5, 8, 8), (6, 4, 4)]
    assert torch.allclose(maps[0], nn.functional.normalize(x, dim=1), atol=1e-5)
    with pytest.raises(UserError, match=r"images of 16 px; expected one of 32 px"):
        read_features(tmp_path / "run", size=32, device=CPU)
    native.save(tmp_path / "unet", segmenter=UNet(width=2, depth=2).eval())
    deepest = read_features(tmp_path / "unet", size=16, device=CPU).features(image)
    assert [m.shape for m in deepest] == [(2, 8, 4, 4)]


def test_noise_that_holds_a_picture_is_correlated():
    torch.manual_seed(0)
    random = torch.randn(2, 32, 32)
    smooth = nn.functional.interpolate(torch.randn(2, 1, 4, 4), size=(32, 32), mode="bilinear")[:, 0]
    maps = [smooth.clone()]
    noise.normalise(maps)
    assert torch.allclose(maps[0].mean((1, 2)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(maps[0].square().mean((1, 2)), torch.ones(2), atol=1e-3)
    assert (noise.correlation([random]) < 0.2).all() and (noise.correlation(maps) > 1).all()


def test_the_rate_rises_stays_and_falls():
    factors = [round(rate_factor(done), 3) for done in (0.0, 0.025, 0.05, 0.5, 0.75, 0.875, 1.0)]
    assert factors == [0, 0.5, 1, 1, 1, 0.5, 0]
