"""Single channels of a generator that are zero in its backgrounds."""

import dataclasses

import pytest
import torch

from l4f_datagen.analysis.probes import Probed
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.inference import freeze
from l4f_datagen.networks.zeroed import FLAGS, SHARE, SIZES, ZeroedChannels, activation_sizes, from_tensors
from tests.conftest import TINY, tiny_generator

CHANNELS = TINY.channels
ZEROED = ZeroedChannels(0.25, activation_sizes(CHANNELS), ((1, 3), (0,), (), (2, 4), (), (1,)))


def whole(index: int) -> ZeroedChannels:
    """All channels of one activation."""
    sizes = activation_sizes(CHANNELS)
    channels = [tuple(range(size)) if place == index else () for place, size in enumerate(sizes)]
    return ZeroedChannels(1.0, sizes, tuple(channels))


@pytest.fixture(params=["trainable", "frozen"])
def generator(request):
    made = tiny_generator()
    return freeze(made) if request.param == "frozen" else made


@pytest.fixture
def w(generator):
    return generator.map(torch.randn(3, TINY.z_dim, generator=torch.Generator().manual_seed(3)))


def by_hand(generator, zeroed: ZeroedChannels) -> Probed:
    """A generator whose activations are multiplied where they arise."""

    def times(x, channels):
        return x.index_fill(-3, torch.tensor(channels, dtype=torch.long), 0.0)

    def change(parts):
        layers = [
            lambda *given, layer=layer, channels=channels: times(layer(*given), channels)
            for layer, channels in zip(parts.layers, zeroed.channels[1:], strict=True)
        ]
        return parts._replace(constant=times(parts.constant, zeroed.channels[0]), layers=layers)

    return Probed(generator, change)


def test_a_channel_is_as_if_its_activation_were_zero(generator, w):
    found = generator.background(w, switched_off=ZEROED)
    torch.testing.assert_close(found, by_hand(generator, ZEROED).synthesize(w).image)
    assert (found - generator.synthesize(w).image).abs().max() > 0.01


@pytest.mark.parametrize(("index", "layer"), [(0, "constant"), (1, "first_convolution")])
def test_all_channels_of_a_layer_are_that_layer(generator, w, index, layer):
    torch.testing.assert_close(
        generator.background(w, switched_off=whole(index)), generator.background(w, switched_off=layer)
    )


def test_no_channels_are_the_foreground(generator, w):
    none = dataclasses.replace(ZEROED, channels=((),) * len(ZEROED.sizes))
    torch.testing.assert_close(generator.background(w, switched_off=none), generator.synthesize(w).image)


@pytest.mark.parametrize("wrong", [ZeroedChannels(0.5, (4, 4), ((0,), ())), "channels:0.6", "8_up"], ids=str)
def test_channels_of_another_generator_and_other_words_are_refused(generator, w, wrong):
    with pytest.raises(ValueError, match="not|expected"):
        generator.background(w, switched_off=wrong)


def test_an_alpha_network_keeps_them():
    plain = AlphaNetwork(CHANNELS[1:])
    network = plain.keeping(ZEROED)
    assert plain.zeroed_channels is None and network.zeroed_channels == ZEROED
    assert set(network.state_dict()) - set(plain.state_dict()) == {SIZES, FLAGS, SHARE}
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in plain.state_dict().items())
    assert network.keeping(None).zeroed_channels is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0, None])
def test_they_come_back_from_tensors(share):
    zeroed = dataclasses.replace(ZEROED, share=share)
    assert from_tensors(zeroed.tensors()) == zeroed
    assert from_tensors({"output.weight": torch.zeros(1)}) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {FLAGS: None}, {SHARE: None}, {SIZES: None},
        {SIZES: torch.tensor([1.0])}, {SIZES: torch.tensor([[3]], dtype=torch.int32)},
        {SIZES: torch.tensor([-4, 8], dtype=torch.int32)}, {SIZES: torch.zeros(0, dtype=torch.int32)},
        {SIZES: torch.ones(1000, dtype=torch.int32)}, {SIZES: torch.tensor([2**30], dtype=torch.int32)},
        {FLAGS: torch.zeros(3, dtype=torch.uint8)}, {FLAGS: torch.zeros(sum(ZEROED.sizes))},
        {FLAGS: torch.full((sum(ZEROED.sizes),), 2, dtype=torch.uint8)},
        {SHARE: torch.tensor(1.5)}, {SHARE: torch.tensor(float("nan"))}, {SHARE: torch.tensor([0.5])},
        {SHARE: torch.tensor(1j)},
    ],
    ids=str,
)  # fmt: skip
def test_tensors_that_are_none_of_them(wrong):
    tensors = {name: tensor for name, tensor in (ZEROED.tensors() | wrong).items() if tensor is not None}
    with pytest.raises(ValueError, match="zeroed"):
        from_tensors(tensors)
