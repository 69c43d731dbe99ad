import pytest
import torch

from l4f_datagen.training.generator import ada, resampling


def draws(count: int, *, chances: float = 2.0) -> ada.Draws:
    """Numbers of transforms that do not happen, to be changed."""
    return ada.Draws(*(torch.full((count, n), v, dtype=torch.float64) for n, v in ((13, chances), (8, 0.5), (7, 0.0))))


def test_at_probability_zero_images_are_the_very_same():
    images = torch.randn(4, 3, 8, 8)
    assert ada.augment(images, 0.0, ada.draw(0, "x", range(4))) is images
    assert torch.equal(ada.augment(images, 0.5, draws(4)), images)


def test_draws_depend_on_their_position_alone():
    whole = ada.draw(3, "x", range(10))
    assert all(torch.equal(a[4:6], b) for a, b in zip(whole, ada.draw(3, "x", range(4, 6))))
    assert not torch.equal(whole.chances, ada.draw(3, "y", range(10)).chances)


def test_blits_move_pixels_and_change_none():
    images = torch.randn(3, 3, 8, 8)
    numbers = draws(3)
    numbers.chances[0, 0], numbers.amounts[0, 0] = 0, 0.1  # mirrored
    numbers.chances[1, 1], numbers.amounts[1, 1] = 0, 0.3  # one quarter turn
    numbers.chances[2, 2] = 0
    numbers.amounts[2, 2], numbers.amounts[2, 3] = 1.0, 0.5  # an eighth of the width to the right
    out = ada.augment(images, 0.5, numbers)
    assert torch.allclose(out[0], images[0].flip(2), atol=1e-5)
    assert torch.allclose(out[1], images[1].rot90(-1, (1, 2)), atol=1e-5)
    assert torch.allclose(out[2, :, :, 1:], images[2, :, :, :-1], atol=1e-5)
    assert torch.allclose(out[2, :, :, 0], images[2, :, :, 0], atol=1e-5)  # mirrored at the edge


def test_geometry_is_what_it_is_called():
    numbers = draws(3)
    numbers.chances[0, 3], numbers.normals[0, 0] = 0, 5.0  # twice the size
    numbers.chances[1, 5], numbers.normals[1, 1] = 0, 5.0  # twice as wide, half as high
    numbers.chances[2, 7] = 0
    numbers.normals[2, 2] = 1.0  # an eighth of the width
    found = ada.geometry(numbers, 0.5)
    assert torch.allclose(found[0].diag(), torch.tensor([2.0, 2.0, 1.0]).double())
    assert torch.allclose(found[1].diag(), torch.tensor([2.0, 0.5, 1.0]).double())
    assert torch.allclose(found[2, :2, 2], torch.tensor([0.25, 0.0]).double())
    # Rotation by chance before or after: of p = 0.5 each by 1 − √0.5.

    alone = ada.draw(0, "x", range(4000))
    alone.chances[:, [3, 5, 7]] = 2
    turned = (ada.geometry(alone, 0.5) != torch.eye(3).double()).flatten(1).any(1)
    assert float(turned.double().mean()) == pytest.approx(0.5, abs=0.03)


def test_colours_are_what_they_are_called():
    grey = torch.tensor([0.4, 0.4, 0.4, 1.0]).double()
    red = torch.tensor([1.0, 0.0, 0.0, 1.0]).double()
    numbers = draws(5)
    numbers.chances[0, 8], numbers.normals[0, 4] = 0, 1.0
    numbers.chances[1, 9], numbers.normals[1, 5] = 0, 2.0
    numbers.chances[2, 10], numbers.amounts[2, 6] = 0, 0.1
    numbers.chances[3, 11], numbers.amounts[3, 7] = 0, 0.5 + 1 / 3  # a third of a turn: red → green
    numbers.chances[4, 12], numbers.normals[4, 6] = 0, 1.0
    brightness, contrast, luma, hue, saturation = ada.colour(numbers, 0.5)
    assert torch.allclose((brightness @ grey)[:3], torch.full((3,), 0.6).double())
    assert torch.allclose((contrast @ red)[:3], torch.tensor([2.0, 0, 0]).double())
    assert torch.allclose((luma @ grey)[:3], -grey[:3])
    assert torch.allclose((hue @ grey)[:3], grey[:3])
    assert torch.allclose((hue @ red)[:3], torch.tensor([0.0, 1, 0]).double(), atol=1e-9)
    assert torch.allclose((saturation @ grey)[:3], grey[:3])
    assert torch.allclose((saturation @ red)[:3], torch.tensor([5 / 3, -1 / 3, -1 / 3]).double())


def test_shrinking_averages_instead_of_aliasing():
    stripes = torch.ones(1, 1, 32, 32)
    stripes[..., ::2] = -1
    matrix = torch.diag(torch.tensor([2.0, 1.0, 1.0])).double()[None]  # the result shows twice the width
    assert resampling.warp(stripes, matrix, 2)[..., 2:-2].abs().max() < 0.3


def test_gradients_and_gradients_of_gradients_are_right():
    images = torch.randn(3, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    numbers = ada.draw(0, "x", range(3))
    # Along random directions: each number by itself takes four seconds.
    assert torch.autograd.gradcheck(lambda x: ada.augment(x, 0.9, numbers), (images,), fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: ada.augment(x, 0.9, numbers) ** 2, (images,), fast_mode=True)


def test_the_probability_follows_the_sign():
    common = {"target": 0.6, "images": 128, "kimg": 500.0}
    assert ada.adjusted(0.2, 0.7, **common) == pytest.approx(0.2 + 128 / 500_000)
    assert ada.adjusted(0.2, 0.5, **common) == pytest.approx(0.2 - 128 / 500_000)
    assert ada.adjusted(0.2, 0.6, **common) == 0.2
    assert ada.adjusted(0.0, -1.0, **common) == 0 and ada.adjusted(1.0, 1.0, **common) == 1
    # From 0 to 1 in 500 000 images and no sooner.
    p, steps = 0.0, 0
    while p < 1:
        p, steps = ada.adjusted(p, 1.0, **common), steps + 1
    assert steps * 128 == pytest.approx(500_000, abs=256)


def test_transforms_happen_as_often_as_p_says():
    numbers, eye = ada.draw(1, "x", range(4000)), torch.eye(4).double()
    share = float((ada.colour(numbers, 0.3) != eye).flatten(1).any(1).double().mean())
    # Any of five, the luma flip in half of the cases only.
    assert share == pytest.approx(1 - 0.7**4 * (1 - 0.15), abs=0.03)
