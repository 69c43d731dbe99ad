import math

import pytest
import torch

from l4f_datagen.networks.discriminator import Discriminator, EqualizedConvolution, ResidualBlock, minibatch_deviation


@pytest.mark.parametrize("channels", [(8,), (8, 6), (9, 8, 6, 4)])
def test_one_score_per_image_at_any_size(channels):
    torch.manual_seed(0)
    size = 4 << (len(channels) - 1)
    images = torch.randn(8, 3, size, size)
    scores = Discriminator(channels=channels)(images)
    assert scores.shape == (8,) and scores.std() > 0


@pytest.mark.parametrize("coarsest", [(4, 8), (8, 4), (4, 6)])
def test_rectangles_whose_last_block_has_their_shape(coarsest):
    torch.manual_seed(0)
    network = Discriminator(channels=(8, 6), coarsest=coarsest)
    height, width = (2 * side for side in coarsest)
    scores = network(torch.randn(4, 3, height, width))
    assert scores.shape == (4,) and scores.std() > 0
    with pytest.raises(ValueError, match=f"expected \\(N, 3, {height}, {width}\\)"):
        network(torch.zeros(4, 3, width, height))


def test_other_sizes_and_group_misfits_are_refused():
    network = Discriminator(channels=(8, 6))
    with pytest.raises(ValueError, match="expected"):
        network(torch.zeros(4, 3, 16, 16))
    with pytest.raises(ValueError, match="groups of 4"):
        network(torch.zeros(6, 3, 8, 8))


def test_minibatch_deviation_by_hand():
    x = torch.zeros(4, 2, 1, 1)
    x[:, 0, 0, 0] = torch.tensor([1.0, 10.0, 5.0, 30.0])
    # Groups of two are strided: images 0 and 2, 1 and 3. Deviations 2 and 10 in one of two channels.
    found = minibatch_deviation(x, 2)
    assert found.shape == (4, 1, 1, 1)
    assert found.flatten().tolist() == pytest.approx([1.0, 5.0, 1.0, 5.0], abs=1e-3)


def test_scores_of_a_group_do_not_depend_on_other_groups():
    torch.manual_seed(0)
    network, images = Discriminator(channels=(8, 6)), torch.randn(8, 3, 8, 8)
    assert torch.allclose(network(images)[::2], network(images[::2]), atol=1e-5)


def test_equalised_gain():
    convolution = EqualizedConvolution(inputs=4, outputs=5, size=3)
    x = torch.randn(2, 4, 6, 6)
    expected = torch.nn.functional.conv2d(x, convolution.weight / math.sqrt(36), padding=1)
    assert torch.allclose(convolution(x), expected, atol=1e-6)


def test_a_flat_image_passes_the_skip_path_unfiltered():
    torch.manual_seed(0)
    block = ResidualBlock(inputs=3, outputs=2)
    torch.nn.init.zeros_(block.second.weight)
    x = torch.ones(1, 3, 16, 16) * torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    inner = block(x)[0, :, 2:-2, 2:-2]
    expected = (block.skip.weight[:, :, 0, 0] / math.sqrt(3)) @ torch.tensor([1.0, 2.0, 3.0]) / math.sqrt(2)
    assert torch.allclose(inner, expected[:, None, None].expand_as(inner), atol=1e-5)


def test_r1_reaches_every_weight():
    torch.manual_seed(0)
    network, images = Discriminator(channels=(8, 6)), torch.randn(4, 3, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    without = {name for name, p in network.named_parameters() if p.grad is None}
    assert without <= {"score_bias"}


def test_half_precision_on_a_cpu_changes_scores_and_gradients_little():
    torch.manual_seed(0)
    network, images = Discriminator(channels=(8, 6, 4)), torch.randn(8, 3, 16, 16, requires_grad=True)
    exact = network(images)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network(images).float()
    assert 0 < (rounded - exact).abs().max() < 0.03 * exact.abs().max()
    one, other = (torch.autograd.grad(scores.sum(), images)[0] for scores in (exact, rounded))
    assert 0 < (one - other).norm() < 0.1 * one.norm()
