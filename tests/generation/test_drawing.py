import torch

from l4f_datagen.generation.drawing import alpha_to_uint8, composite
from l4f_datagen.networks.pixels import image_to_uint8


def test_composite_is_equation_1():
    alpha, foreground, background = torch.rand(2, 1, 4, 4), torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    expected = alpha * foreground + (1 - alpha) * background
    torch.testing.assert_close(composite(alpha, foreground, background), expected)


def test_images_are_rounded_and_clamped():
    image = torch.tensor([-2.0, -1, -0.004, 0.004, 1, 3]).reshape(1, 1, 1, 6).expand(1, 3, 1, 6)
    expected = [0, 0, 127, 128, 255, 255]
    array = image_to_uint8(image)
    assert array.shape == (1, 1, 6, 3) and array.dtype == torch.uint8
    assert array[0, 0, :, 2].tolist() == expected


def test_alpha_is_rounded():
    alpha = torch.tensor([0, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4, 1]).reshape(1, 1, 2, 2)
    assert alpha_to_uint8(alpha).flatten().tolist() == [0, 0, 1, 255]
