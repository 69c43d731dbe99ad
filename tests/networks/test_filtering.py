"""The filter against the textbook's convolution of each channel by itself, once and twice differentiated."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from l4f_datagen.networks import filtering, ops
from l4f_datagen.networks.discriminator import Discriminator
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture


def convolved(x: torch.Tensor, *, padding: int, stride: int = 1, gain: float = 1.0) -> torch.Tensor:
    channels = x.shape[1]
    return F.conv2d(
        x, ops.fir_kernel(gain).to(x).expand(channels, 1, 4, 4), padding=padding, stride=stride, groups=channels
    )


def zeros_inserted(x: torch.Tensor) -> torch.Tensor:
    count, channels, height, width = x.shape
    spread = x.new_zeros(count, channels, 2 * height, 2 * width)
    spread[:, :, ::2, ::2] = x
    return spread


OPERATIONS = {
    "filtered 0": (lambda x: filtering.filtered(x, padding=0), lambda x: convolved(x, padding=0)),
    "filtered 1, gain 4": (
        lambda x: filtering.filtered(x, padding=1, gain=4.0), lambda x: convolved(x, padding=1, gain=4.0)
    ),
    "filtered 2": (lambda x: filtering.filtered(x, padding=2), lambda x: convolved(x, padding=2)),
    "filtered 3": (lambda x: filtering.filtered(x, padding=3), lambda x: convolved(x, padding=3)),
    "halved": (filtering.halved, lambda x: convolved(x, padding=1, stride=2)),
    "doubled": (filtering.doubled, lambda x: convolved(F.pad(zeros_inserted(x), (2, 1, 2, 1)), padding=0)),
}  # fmt: skip


@pytest.fixture(params=["depthwise", "in slices"])
def way(request, monkeypatch):
    """Both ways of filtering on this machine: that of CPUs, and that of other devices."""
    if request.param == "in slices":
        monkeypatch.setattr(filtering, "_by_convolution", lambda x: False)
    return request.param


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_the_textbooks_convolution(name, layout, way):
    ours, textbook = OPERATIONS[name]
    x = torch.randn(2, 3, 6, 10, dtype=torch.float64).contiguous(memory_format=layout)
    torch.testing.assert_close(ours(x), textbook(x))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), textbook(x))
    assert layout == torch.contiguous_format or ours(x).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradients_are_those_of_finite_differences(name, way):
    x = torch.randn(1, 2, 4, 6, dtype=torch.float64, requires_grad=True)
    ours, textbook = OPERATIONS[name]
    assert gradcheck(ours, x) and gradgradcheck(ours, x)
    # A function of the gradient that is not linear in x, as penalties are: through both backward passes.
    found = []
    for operation in (ours, textbook):
        (gradient,) = torch.autograd.grad(operation(x).pow(3).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(gradient.square().sum(), x)[0])
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_half(dtype, way):
    x = torch.randn(2, 3, 8, 8).to(dtype).requires_grad_()
    for ours, textbook in OPERATIONS.values():
        out = ours(x)
        assert out.dtype == dtype
        torch.testing.assert_close(out.double(), textbook(x.double()), rtol=0.02, atol=0.05)
        (gradient,) = torch.autograd.grad(out.sum(), x)
        assert gradient.dtype == dtype


def test_it_keeps_a_constant(way):
    out = filtering.filtered(torch.ones(1, 2, 9, 9), padding=1)
    assert out.shape == (1, 2, 8, 8)
    torch.testing.assert_close(out[..., 2:-2, 2:-2], torch.ones(1, 2, 4, 4))


def test_what_was_made_in_inference_mode_can_be_differentiated_later():
    x = torch.randn(1, 37, 4, 4)  # a number of channels that nothing else here has
    with torch.inference_mode():
        filtering.filtered(x, padding=2)
    x.requires_grad_()
    filtering.filtered(x, padding=2).square().sum().backward()
    assert x.grad is not None


def penalties(discriminator: Discriminator, generator: Generator) -> list[torch.Tensor]:
    """Gradients of the weights down R1, and down squared path lengths."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    r1 = torch.autograd.grad(slope.square().sum(), list(discriminator.parameters()), allow_unused=True)
    w = torch.randn(2, 8, dtype=torch.float64, requires_grad=True)
    drawn = generator.synthesize(w).image
    (slope,) = torch.autograd.grad((drawn * torch.randn_like(drawn)).sum(), w, create_graph=True)
    weights = [layer.weight for layer in generator.layers]
    return [g for g in (*r1, *torch.autograd.grad(slope.square().sum(), weights)) if g is not None]


def test_penalties_of_whole_networks_are_those_of_plain_convolutions(way, monkeypatch):
    torch.manual_seed(1)
    discriminator = Discriminator(channels=(6, 5, 4), group=2).double()
    generator = Generator(GeneratorArchitecture(channels=(6, 5, 4), z_dim=8, w_dim=8, mapping_layers=2)).double()
    ours = penalties(discriminator, generator)
    monkeypatch.setattr(filtering, "filtered", convolved)
    monkeypatch.setattr(filtering, "halved", lambda x: convolved(x, padding=1, stride=2))
    textbook = penalties(discriminator, generator)
    assert len(ours) == len(textbook) > 10
    for found, wanted in zip(ours, textbook):
        torch.testing.assert_close(found, wanted)
