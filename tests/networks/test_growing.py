import pytest
import torch
import torch.nn.functional as F

from l4f_datagen.networks import growing, ops
from l4f_datagen.networks.discriminator import Discriminator
from tests.conftest import tiny_generator


def test_a_grown_generator_begins_with_the_up_sampled_images():
    old, w = tiny_generator(), torch.randn(4, 10)
    new = growing.grown_generator(old, 5)
    assert new.architecture.channels == (12, 12, 8, 5)
    assert torch.equal(new.synthesize(w).image, ops.upsample_image(old.synthesize(w).image))
    new.synthesize(w).image.square().mean().backward()
    assert new.to_rgb[-1].weight.grad.abs().max() > 0  # it can learn


@pytest.mark.parametrize("channels", [6, 9])
def test_a_grown_discriminator_begins_with_the_scores_of_halved_images(channels):
    torch.manual_seed(0)
    old, images = Discriminator(channels=(12, 12, 8), group=2), torch.randn(4, 3, 32, 32)
    for parameter in old.parameters():
        if parameter.ndim <= 1:
            torch.nn.init.normal_(parameter)
    new = growing.grown_discriminator(old, channels)
    kernel = ops.fir_kernel().expand(3, 1, 4, 4)
    wanted = old(F.conv2d(images, kernel, stride=2, padding=1, groups=3))
    assert wanted.std() > 0 and torch.allclose(new(images), wanted, atol=1e-5)
    assert torch.equal(new.blocks[1].first.weight, old.blocks[0].first.weight)
    assert growing.grown_discriminator(old, 3)(images).shape == (4,)
