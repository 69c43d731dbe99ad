import pytest
import torch

from l4f_datagen.analysis.similarity import ssim


def smooth(seed, shape=(3, 3, 40, 33)):
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 5, 1, 2) * 2


def test_equal_images_give_1_and_unrelated_ones_little():
    a, b = smooth(0), smooth(1)
    torch.testing.assert_close(ssim(a, a), torch.ones(3))
    assert ssim(a, b).abs().max() < 0.2
    torch.testing.assert_close(ssim(a, b), ssim(b, a))


def test_constant_images_by_hand():
    """Without variance the structure term is 1, and what remains is (2ab + c₁) / (a² + b² + c₁)."""
    a, b, c1 = 0.5, -0.25, (0.01 * 2) ** 2
    first, second = torch.full((1, 3, 16, 16), a), torch.full((1, 3, 16, 16), b)
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    torch.testing.assert_close(ssim(first, second), torch.tensor([expected]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("data_range", [1.0, 2.0])
def test_against_torchmetrics(data_range):
    functional = pytest.importorskip("torchmetrics.functional.image")
    a, b = smooth(0), smooth(0) + 0.3 * smooth(1)
    _, places = functional.structural_similarity_index_measure(
        a, b, data_range=data_range, reduction="none", return_full_image=True
    )
    # Theirs has places at the border too, where the window hangs over into a reflection.
    theirs = places[..., 5:-5, 5:-5].mean((1, 2, 3))
    torch.testing.assert_close(ssim(a, b, data_range=data_range), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shapes", [((1, 3, 10, 32), (1, 3, 10, 32)), ((1, 3, 16, 16), (1, 3, 16, 17))])
def test_images_that_cannot_be_compared(shapes):
    with pytest.raises(ValueError, match="11×11"):
        ssim(*map(torch.zeros, shapes))
