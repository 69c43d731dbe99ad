import pytest
import torch
import torch.nn.functional as F

from l4f_datagen.networks import ops
from tests.hardware import DEVICES


@pytest.mark.parametrize("size", [(4, 4), (8, 5), (48, 40)])
def test_doubling_is_zero_insertion_and_the_filter(size):
    x = torch.randn(2, 3, *size)
    spread = torch.zeros(2, 3, 2 * size[0], 2 * size[1])
    spread[:, :, ::2, ::2] = x
    # Padding (2, 1), as the facts have it; the filter is symmetric.
    kernel = ops.fir_kernel(gain=4).expand(3, 1, 4, 4)
    expected = F.conv2d(F.pad(spread, (2, 1, 2, 1)), kernel, groups=3)
    torch.testing.assert_close(ops.upsample_image(x), expected)


@pytest.mark.parametrize("size", [8, 40])
def test_doubling_can_be_differentiated(size):
    x = torch.randn(1, 1, size, size, requires_grad=True)
    ops.upsample_image(x).sum().backward()
    assert float(x.grad[0, 0, size // 2, size // 2]) == pytest.approx(4)


def test_equalised_linear_by_hand():
    x, weight, bias = torch.tensor([[1.0, 2, 3, 4]]), torch.ones(1, 4), torch.tensor([5.0])
    assert float(ops.equalized_linear(x, weight, bias, 0.5)) == pytest.approx(10 * 0.5 / 2 + 5 * 0.5)


def test_leaky_relu_by_hand():
    torch.testing.assert_close(ops.leaky_relu(torch.tensor([1.0, -1.0])), torch.tensor([1.0, -0.2]) * 2**0.5)


@pytest.mark.parametrize("device", DEVICES)
def test_networks_are_laid_out_as_their_device_is_quickest(device):
    device = torch.device(device)
    network = torch.nn.Conv2d(4, 4, 3).to(device).to(memory_format=ops.layout(device))
    assert network(torch.randn(1, 4, 8, 8, device=device)).is_contiguous(memory_format=ops.layout(device))


@pytest.mark.parametrize("size", [(33, 40), (64, 64)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_is_doubled_to_the_same_bits_without_gradients(size, dtype):
    x = torch.randn(2, 3, *size, dtype=dtype)
    with torch.no_grad():
        found = ops.upsample_image(x)
    assert found.is_contiguous() and torch.equal(found, ops.upsample_image(x.requires_grad_()).detach())
