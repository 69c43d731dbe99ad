import logging

import pytest
import torch

from l4f_datagen.analysis import backgrounds
from l4f_datagen.analysis.crops import open_crops, plain_crops
from l4f_datagen.analysis.probes import layer_names
from l4f_datagen.networks.inference import freeze
from l4f_datagen.weights import load_generator
from tests.conftest import tiny_generator


def test_the_plainest_corner_is_the_target():
    image = torch.randn(2, 3, 16, 16)
    image[0, :, :2, -2:] = 0.25
    image[1, :, -2:, :2] = -0.5
    targets = plain_crops(image)
    torch.testing.assert_close(targets[0], torch.full((3, 16, 16), 0.25))
    torch.testing.assert_close(targets[1], torch.full((3, 16, 16), -0.5))


@pytest.mark.parametrize(
    ("constant", "first_convolution", "expected"),
    [(1.0, 1.0, "first_convolution"), (0.95, 1.0, "first_convolution"), (0.8, 1.0, "constant"),
     (1.0, 0.1, "first_convolution")],
)  # fmt: skip
def test_the_constant_only_where_it_is_clearly_closer(constant, first_convolution, expected):
    assert backgrounds.decide({"constant": constant, "first_convolution": first_convolution, "8": 0.0}) == expected


def test_gradients_are_those_of_finite_differences():
    """The gradient at the last activation, whose effect on the image is one ToRGB away."""
    generator = tiny_generator()
    w, _, target = backgrounds.samples_and_targets(generator, range(2), psi=1.0, seed=0, crops=open_crops("auto", 16))
    gradient, effect = backgrounds._gradients(freeze(generator), w, target)

    def loss(factor):
        """‖G − x‖² with the last activation multiplied."""
        hook = generator.layers[-1].register_forward_hook(lambda module, args, out: out * factor)
        try:
            return (generator.synthesize(w).image.double() - target).square().sum((1, 2, 3))
        finally:
            hook.remove()

    slope = ((loss(1.01) - loss(0.99)) / 0.02).abs().sum()
    probed, activations = backgrounds.recorded_activations(generator)
    with torch.enable_grad():
        (by_hand,) = torch.autograd.grad((probed.synthesize(w).image - target).square().sum(), [activations[-1]])
    torch.testing.assert_close(gradient[-1], by_hand.flatten(2).norm(dim=2).sum())
    torch.testing.assert_close(
        (by_hand * activations[-1]).sum((1, 2, 3)).abs().sum().double(), slope, rtol=1e-2, atol=1e-2
    )
    torch.testing.assert_close(effect[-1], (by_hand * activations[-1]).flatten(2).norm(dim=2).sum())


def test_numbers_per_layer():
    generator = tiny_generator()
    one = backgrounds.analyze_backgrounds(generator, n=5, batch_size=5)
    other = backgrounds.analyze_backgrounds(generator, n=5, batch_size=2)
    assert one.layers == layer_names(generator)
    for name in ("gradient", "effect", "distance"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-4)
        assert len(getattr(one, name)) == len(one.layers)
    given = open_crops("auto", 16)
    w, image, target = backgrounds.samples_and_targets(generator, range(5), psi=1.0, seed=0, crops=given)
    assert one.untouched_distance == pytest.approx((image - target).square().mean().item(), rel=1e-4)
    off = generator.background(w)
    assert one.distance[1] == pytest.approx((off - target).square().mean().item(), rel=1e-4)


@pytest.mark.parametrize("name, furthest", [("vessels", "128"), ("vessels64", "64")])
def test_the_embedded_generators(caplog, name, furthest):
    generator = load_generator(name)
    # What generation leaves behind in the network must not be in the way of gradients.
    with torch.inference_mode():
        generator.background(generator.map(torch.randn(2, 128)))
    with caplog.at_level(logging.WARNING):
        analysis = backgrounds.analyze_backgrounds(generator, n=8)
    assert analysis.strongest in ("constant", "first_convolution") and not caplog.records
    assert analysis.switched_off == "first_convolution"
    distance = dict(zip(analysis.layers, analysis.distance))
    assert distance["first_convolution"] < 0.3 * analysis.untouched_distance
    assert max(distance, key=distance.get) == furthest


def test_another_strongest_layer_is_told(caplog, monkeypatch):
    monkeypatch.setattr(
        backgrounds, "_gradients", lambda generator, w, target: (torch.ones(6), torch.tensor([1.0, 1, 1, 5, 1, 1]))
    )
    analysis = backgrounds.analyze_backgrounds(tiny_generator(), n=2)
    assert analysis.strongest == "8" and "strongest layer is 8" in caplog.text
