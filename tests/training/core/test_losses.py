import math

import pytest
import torch

from l4f_datagen.training.core import losses


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_the_logistic_losses_by_hand():
    real, fake = torch.tensor([0.5, 2.0]), torch.tensor([-1.0, 3.0])
    expected = (softplus(-1) + softplus(3)) / 2 + (softplus(-0.5) + softplus(-2)) / 2
    assert losses.discriminator_loss(real, fake).item() == pytest.approx(expected, rel=1e-6)
    assert losses.adversarial_loss(fake).item() == pytest.approx((softplus(1) + softplus(-3)) / 2, rel=1e-6)


def test_the_mask_terms_by_hand():
    alpha = torch.tensor([[[[0.0, 0.25], [1.0, 0.75]]], [[[1.0, 1.0], [1.0, 0.6]]]])
    assert losses.binarization(alpha).item() == pytest.approx((0 + 0.25 + 0 + 0.25 + 0 + 0 + 0 + 0.4) / 8)
    # Means are of one image each: 0.5 and 0.9.
    assert losses.emptiness(alpha, 0.7).item() == pytest.approx((0.2 + 0) / 2)
    assert losses.fullness(alpha, 0.4).item() == pytest.approx((0 + 0.3) / 2)


def test_a_full_image_does_not_make_up_for_an_empty_one():
    alpha = torch.cat([torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)])
    assert losses.emptiness(alpha, 0.25).item() == pytest.approx(0.125)
    assert losses.fullness(alpha, 0.4).item() == pytest.approx(0.2)


def test_stray_edges_by_hand():
    alpha = torch.tensor([[[[0.0, 1.0, 1.0], [0.0, 0.5, 1.0]]]])
    foreground = torch.zeros(1, 3, 2, 3)
    foreground[:, :, :, 1:] = torch.tensor([0.2, 0.1, 0.2]).view(
        1, 3, 1, 1
    )  # an edge of norm 0.3 after the first column
    across = (1 + 0.5) * math.exp(-0.3 / 0.3) + 0 + 0.5  # steps in x: on the edge, then on plain ground
    down = 0.5  # steps in y: all on plain ground
    assert losses.stray_edges(alpha, foreground, 0.3).item() == pytest.approx(across / 4 + down / 3, rel=1e-6)


def test_a_mask_whose_edge_is_the_images_costs_less_than_one_beside_it():
    foreground = torch.full((1, 3, 8, 8), -0.5)
    foreground[..., 4:] = 0.5
    on, beside = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    on[..., 4:], beside[..., 3:] = 1, 1
    assert losses.stray_edges(on, foreground, 0.3) < 0.01 * losses.stray_edges(beside, foreground, 0.3)


def test_r1_against_finite_differences():
    torch.manual_seed(0)
    weight = torch.randn(48, dtype=torch.float64)

    def score(x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x.flatten(1) @ weight / 7) * x.flatten(1).square().sum(1)

    images = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    squared = 0.0
    with torch.no_grad():
        for i in range(images.numel()):
            step = torch.zeros(images.numel(), dtype=torch.float64)
            step[i] = 1e-5
            step = step.view_as(images)
            squared += ((score(images + step) - score(images - step)).sum().item() / 2e-5) ** 2
    assert losses.r1_penalty(score(images), images).item() == pytest.approx(squared / 2, rel=1e-6)


def test_r1_can_be_differentiated_again():
    images, weight = torch.ones(2, 3, 2, 2, requires_grad=True), torch.full((12,), 2.0, requires_grad=True)
    losses.r1_penalty(images.flatten(1) @ weight, images).backward()
    assert torch.equal(weight.grad, torch.full((12,), 4.0))  # ‖w‖² → 2w
