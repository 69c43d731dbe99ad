import pytest
import torch

from l4f_datagen.analysis import probes
from l4f_datagen.analysis.layers import add_up
from l4f_datagen.networks.inference import freeze
from tests.conftest import tiny_generator


@pytest.fixture(params=["trainable", "frozen"])
def generator(request):
    made = tiny_generator()
    return freeze(made) if request.param == "frozen" else made


@pytest.fixture
def w(generator):
    return generator.map(torch.randn(2, 6, generator=torch.Generator().manual_seed(3)))


def test_layers_are_named_in_order(generator):
    assert probes.layer_names(generator) == ("constant", "first_convolution", "8_up", "8", "16_up", "16")


def test_the_recorded_rgb_adds_up_to_the_image(generator, w):
    probed, rgb = probes.recorded_rgb(generator)
    image = probed.synthesize(w).image
    assert [tuple(r.shape) for r in rgb] == [(2, 3, r, r) for r in (4, 8, 16)]
    torch.testing.assert_close(add_up(rgb), image)
    torch.testing.assert_close(image, generator.synthesize(w).image, rtol=0, atol=0)


def test_the_recorded_activations_are_the_features_and_lead_to_the_image(generator, w):
    probed, activations = probes.recorded_activations(generator)
    out = probed.synthesize(w)
    assert len(activations) == len(out.features) + 1
    assert all(a is f for a, f in zip(activations[1:], out.features))
    assert activations[0].shape == (2, 12, 4, 4)
    gradients = torch.autograd.grad(out.image.sum(), activations)
    assert all(g.abs().sum() > 0 for g in gradients)


@pytest.mark.parametrize("layer", probes.FIRST_LAYERS)
def test_the_first_layers_switched_off_are_the_background(generator, w, layer):
    image = probes.switched_off(generator, layer).synthesize(w).image
    torch.testing.assert_close(image, generator.background(w, switched_off=layer))
    assert (image - generator.synthesize(w).image).abs().max() > 0.1


def test_any_layer_can_be_switched_off(generator, w):
    features = probes.switched_off(generator, "16_up").synthesize(w).features
    assert [bool((f == 0).all()) for f in features] == [False, False, False, True, False]


def test_a_generator_is_left_as_it_was(generator, w):
    before = generator.synthesize(w).image
    recorded = []
    for probe in (probes.recorded_rgb, probes.recorded_activations):
        probed, recorded = probe(generator)
        probed.synthesize(probed.map(torch.randn(2, 6)))
        recorded.clear()
    probes.switched_off(generator, "8").synthesize(w)
    torch.testing.assert_close(generator.synthesize(w).image, before, rtol=0, atol=0)
    assert not recorded and not generator.synthesize(w).image.requires_grad
