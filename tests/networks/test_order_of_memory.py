"""On a CPU, gradients lie in memory as activations do: work on those in another order takes many times as long."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from l4f_datagen.networks import alpha, ops
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.encoders.encoder import Encoder
from l4f_datagen.networks.folding import FoldedToRGB
from l4f_datagen.networks.segmenters import architectures
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture

ADDING = ("add.Tensor", "clone.default", "threshold_backward.default", "leaky_relu_backward.default")
LAST = torch.channels_last


class Disorder(TorchDispatchMode):
    """Collects the operations that are given large maps whose channels are not side by side.

    The six maps of an alpha network are few enough to be brought into order.
    """

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func).removeprefix("aten.")
        maps = [
            a for a in args if isinstance(a, torch.Tensor) and a.ndim == 4 and a.shape[1] > 6 and a[0, 0].numel() > 16
        ]
        if name in ADDING and any(a.stride(1) != 1 for a in maps):
            self.found.append((name, [(tuple(a.shape), a.stride()) for a in maps]))
        if name == "upsample_bilinear2d_backward.default" and not all(
            a.is_contiguous(memory_format=LAST) for a in maps
        ):
            self.found.append((name, [a.stride() for a in maps]))
        return func(*args, **(kwargs or {}))


def generator():
    return Generator(GeneratorArchitecture(channels=(8, 8, 8, 8), z_dim=8, w_dim=8, mapping_layers=1))


def segmenter(name, **keywords):
    network, images = architectures()[name](width=8, **keywords).to(memory_format=LAST), torch.randn(2, 3, 32, 32)
    return lambda: sum(head.square().mean() for head in network.heads(images.contiguous(memory_format=LAST)))


def encoder():
    network = Encoder(num_ws=8, w_dim=8, size=32, width=8, hidden=8).to(memory_format=LAST)
    images = torch.randn(2, 3, 32, 32).contiguous(memory_format=LAST)
    return lambda: network(images).square().mean()


def drawn():
    network, masks = generator().to(memory_format=LAST), AlphaNetwork((8, 8, 8)).to(memory_format=LAST)

    def loss():
        image, features = network.synthesize(network.map(torch.randn(2, 8)))
        return image.square().mean() + masks(features[-6:]).mean()

    return loss


@pytest.mark.parametrize(
    "make",
    [
        lambda: segmenter("unet"), lambda: segmenter("unet-resnet18", stem=1), lambda: segmenter("bisenet", stem=1),
        encoder, drawn,
    ],
    ids=["unet", "unet-resnet18", "bisenet", "encoder", "generator and alpha"],
)  # fmt: skip
def test_nothing_goes_through_gradients_out_of_order(make):
    loss = make()
    with Disorder() as disorder:
        loss().backward()
    assert not disorder.found


def test_an_orderly_tensor_keeps_its_numbers_and_those_of_its_other_users():
    x = torch.randn(2, 4, 6, 6).contiguous(memory_format=LAST).requires_grad_()
    seen = []
    y = x * 1
    y.register_hook(lambda gradient: seen.append(gradient.is_contiguous(memory_format=LAST)))
    weight = torch.randn(2, 4, 6, 6)  # its order is another one, and the gradient's would be
    (first,) = torch.autograd.grad((ops.orderly(y) * weight).square().sum() + y.sum(), x, create_graph=True)
    torch.testing.assert_close(first, 2 * x * weight**2 + 1)
    (second,) = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(second, 2 * weight**2)
    assert seen == [True, True]
    with torch.no_grad():
        assert ops.orderly(y) is y


@pytest.mark.parametrize("sizes", [((4, 4), (8, 8)), ((3, 5), (6, 9)), ((1, 2), (4, 4))])
def test_the_bicubic_gradient_is_torchs(sizes):
    before, after = sizes
    x = torch.randn(2, 6, *before, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 6, *after, dtype=torch.float64)
    (expected,) = torch.autograd.grad((F.interpolate(x, after, mode="bicubic", align_corners=True) * weight).sum(), x)
    spread = alpha._upsample(x, weight)
    assert torch.equal(spread, F.interpolate(x, after, mode="bicubic", align_corners=True))
    torch.testing.assert_close(torch.autograd.grad((spread * weight).sum(), x)[0], expected)


def test_colours_have_the_gradients_that_torch_finds_any_number_of_times():
    parts = [
        torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((3, 4), (3,), (2, 4, 2, 3), (2, 4))
    ]

    def coloured(weight, bias, x, style):
        return FoldedToRGB(weight=weight, bias=bias, clamp=None)(x, style)

    assert torch.autograd.gradcheck(coloured, parts) and torch.autograd.gradgradcheck(coloured, parts)
