import numpy as np
import pytest
import torch
import torch.nn.functional as F

from l4f_datagen import weights
from l4f_datagen.networks.alpha import AlphaNetwork, fits
from tests.conftest import TINY, tiny_generator

GOLDENS = {256: (8, (512, 512, 512, 512, 256, 128)), 512: (16, (512, 512, 512, 256, 128, 64))}


def golden_features(size: int) -> list[torch.Tensor]:
    first, channels = GOLDENS[size]
    features = []
    for k, count in enumerate(channels):
        c, y, x = np.ogrid[:count, : first << k, : first << k]
        for j in range(2):
            wave = np.sin(0.37 * c + 0.11 * y + 0.07 * x + k + 10 * j)
            features.append(torch.from_numpy(wave.astype(np.float32))[None])
    return features


@pytest.mark.parametrize("size", GOLDENS)
@pytest.mark.parametrize("spelling", ["repro", "own"])
def test_equal_to_the_published_implementation(shared, size, spelling):
    network = weights.load_alpha(shared / "goldens" / f"labels4free-{spelling}-{size}.pt")
    assert sum(p.numel() for p in network.parameters()) == {256: 14947, 512: 12259}[size]
    alpha = network(golden_features(size))
    golden = np.load(shared / "goldens" / f"labels4free-{size}.npz")[f"alpha_{spelling}"]
    np.testing.assert_allclose(alpha[0, 0, ::4, ::4].numpy(), golden, atol=1e-4)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_any_number_of_levels(levels):
    channels = (9, 8, 7, 6, 5)[:levels]
    network = AlphaNetwork(channels).requires_grad_(False)
    features = [torch.randn(2, c, 4 << k, 4 << k) for k, c in enumerate(channels) for _ in range(2)]
    alpha = network(features)
    assert alpha.shape == (2, 1, 4 << (levels - 1), 4 << (levels - 1))
    assert float(alpha.min()) >= 0 and float(alpha.max()) <= 1
    # Maps of resolutions below the first are not looked at.
    torch.testing.assert_close(network([torch.randn(2, 3, 2, 2), *features]), alpha)


def test_three_levels_by_hand():
    network = AlphaNetwork((4, 3, 2))
    features = [torch.randn(1, c, 4 << k, 4 << k) for k, c in enumerate((4, 3, 2)) for _ in range(2)]
    c = [
        torch.cat([network.reduce_first[k](features[2 * k]), network.reduce_second[k](features[2 * k + 1])], 1)
        for k in range(3)
    ]

    def up(x):
        return F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=True)

    u = up(F.leaky_relu(network.merge[0](torch.cat([c[1], up(c[0])], 1)), 0.2))
    torch.testing.assert_close(network(features), torch.sigmoid(network.output(u + c[2])))


def test_features_of_another_generator_are_refused():
    out = tiny_generator().synthesize(torch.zeros(1, TINY.w_dim))
    with pytest.raises(ValueError, match="expected two maps each"):
        AlphaNetwork((8, 8))(out.features)


def test_one_level_is_no_alpha_network():
    with pytest.raises(ValueError, match="two levels"):
        AlphaNetwork((8,))


def test_fits():
    assert fits((64, 32), (128, 64, 32))
    assert not fits((128, 64), (128, 64, 32))
    assert not fits((256, 128, 64, 32), (128, 64, 32))
