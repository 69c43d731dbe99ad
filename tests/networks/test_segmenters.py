"""One contract for all segmenters."""

import pytest
import torch
import torch.nn.functional as F

from l4f_datagen.networks.segmenter import foreground_alpha, foreground_mask
from l4f_datagen.networks.segmenters import architectures

VARIANTS = {
    "unet": ("unet", {"depth": 2, "width": 4}),
    "unet-deep": ("unet", {"depth": 4, "width": 2}),
    "unet-resnet18": ("unet-resnet18", {"width": 4, "stem": 1}),
    "unet-resnet18-published-stem": ("unet-resnet18", {"width": 4, "stem": 4}),
    "bisenet": ("bisenet", {"width": 4, "stem": 1}),
    "bisenet-8": ("bisenet", {"width": 8, "stem": 2, "align_corners": False}),
    "bisenet-published-stem": ("bisenet", {"width": 4, "stem": 4}),
}


def make(variant: str, classes: int = 2):
    torch.manual_seed(0)
    arch, keywords = VARIANTS[variant]
    return architectures()[arch](classes=classes, **keywords)


@pytest.fixture(params=VARIANTS)
def variant(request) -> str:
    return request.param


@pytest.mark.parametrize("size", [(16, 24), (33, 17), (1, 1), (5, 64)])
def test_scores_of_any_number_of_classes_at_any_size(variant, size):
    network = make(variant, classes=3).eval()
    image = torch.randn(2, 3, *size)
    scores = network(image)
    assert scores.shape == (2, 3, *size) and scores.dtype == torch.float32 and scores.isfinite().all()
    heads = network.heads(image)
    assert all(head.shape == scores.shape for head in heads)
    assert torch.equal(heads[0], scores)
    assert len(heads) == (3 if network.name == "bisenet" else 1)


def test_an_image_does_not_depend_on_its_neighbours(variant):
    network, images = make(variant).eval(), torch.randn(3, 3, 16, 16)
    assert torch.allclose(network(images)[1:2], network(images[1:2]), atol=1e-5)


def test_every_weight_learns(variant):
    network = make(variant, classes=3)
    images = torch.randn(4, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    network.to(memory_format=torch.channels_last)
    sum(head.square().mean() for head in network.heads(images)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_the_state_and_the_architecture_make_the_same_network(variant):
    network = make(variant, classes=3)
    network(torch.randn(4, 3, 16, 16))  # moves the statistics of the normalisation
    again = type(network)(**network.architecture)
    again.load_state_dict(network.state_dict())
    image = torch.randn(1, 3, 19, 16)
    assert torch.equal(network.eval()(image), again.eval()(image))


def test_it_learns_where_the_bright_pixels_are(variant):
    network, images = make(variant), torch.rand(8, 3, 16, 16) * 2 - 1
    truth = (F.avg_pool2d(images.mean(1, keepdim=True), 9, 1, 4)[:, 0] > 0).long()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        losses.append(sum(F.cross_entropy(head, truth) for head in network.heads(images)))
        optimizer.zero_grad()
        if losses[-1] < 0.6 * losses[0]:
            break
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]


def test_foreground_of_several_classes():
    scores = torch.tensor([0.2, 0.5, 0.3]).log().view(1, 3, 1, 1)
    assert foreground_alpha(scores, [1]).item() == pytest.approx(0.5)
    assert foreground_alpha(scores, [0, 2]).item() == pytest.approx(0.5)
    assert foreground_mask(torch.tensor([0, 1, 2]), (1, 2)).tolist() == [False, True, True]


def test_foreground_is_all_but_the_first_class_unless_said():
    assert make("bisenet", classes=4).foreground == (1, 2, 3)
    assert architectures()["unet"](classes=4, foreground=(2,)).foreground == (2,)
    for wrong in ((), (4,), (-1,)):
        with pytest.raises(ValueError, match="foreground classes"):
            architectures()["unet"](classes=4, foreground=wrong)
    with pytest.raises(ValueError, match="at least two"):
        architectures()["unet"](classes=1)


@pytest.mark.parametrize("align_corners", [True, False])
def test_scores_are_spread_as_asked(align_corners):
    network = architectures()["bisenet"](width=4, stem=1, align_corners=align_corners).eval()
    ramp = torch.arange(8.0).expand(1, 2, 8, 8)  # a score that says at which of its columns it was taken
    network.output.register_forward_hook(lambda *_: ramp)
    row = network(torch.zeros(1, 3, 16, 16))[0, 0, 0]
    column = torch.arange(16.0)
    # The first and the last centre on each other, or the edges: then every column is where the image has it.
    expected = column * 7 / 15 if align_corners else ((column + 0.5) / 2 - 0.5).clamp(0, 7)
    torch.testing.assert_close(row, expected)
