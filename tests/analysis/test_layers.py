import pytest
import torch

from l4f_datagen.analysis import layers
from l4f_datagen.analysis.similarity import ssim
from l4f_datagen.errors import UserError
from l4f_datagen.generation import latents
from l4f_datagen.networks import ops
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture
from l4f_datagen.seeding import normal
from l4f_datagen.weights import load_generator
from tests.conftest import tiny_generator


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        ((0.50, 0.49, 0.48, 0.38, 0.2, 0.1, 0.1, 0.05, 0.01), 32),  # the 3rd 26 % above the 4th, as FFHQ in the paper
        ((0.50, 0.30, 0.29, 0.28, 0.1), 8),
        ((0.50, 0.45, 0.30, 0.29, 0.1), 16),
        ((0.50, 0.45, 0.40, 0.36, 0.33), 8),  # nothing is marked
        ((0.50, 0.45, 0.40, 0.36, 0.01), 8),  # only the finest; an alpha network has two levels
        ((0.30, 0.50, 0.29, 0.28, 0.1), 16),
        ((-0.1, -0.1, 0.3, 0.2, 0.0), 32),
    ],
)
def test_the_coarsest_resolution_after_a_marked_drop(similarity, expected):
    assert layers.decide([4 << k for k in range(len(similarity))], similarity) == expected


def test_each_resolution_is_compared_as_by_hand():
    generator = tiny_generator()
    analysis = layers.analyze_layers(generator, n=5, psi=0.8, seed=1, batch_size=2)
    images = layers.images_with_noise(generator, range(5), psi=0.8, seed=1)
    assert analysis.resolutions == (4, 8, 16)
    for level, changed in enumerate(images[1:]):
        values = ssim(changed, images[0])
        assert analysis.similarity[level] == pytest.approx(values.mean().item(), abs=1e-5)
        assert analysis.deviation[level] == pytest.approx(values.std(correction=0).item(), abs=1e-5)


def test_one_resolution_is_noise_and_the_others_stay():
    """Subtracting the network with that ToRGB silenced leaves N(0, I) noise, up-sampled to the image."""
    for level in range(3):
        generator, silenced = tiny_generator(), tiny_generator()
        for to_rgb in generator.to_rgb:  # images that clamping to [-1, 1] leaves alone
            to_rgb.weight.mul_(1e-3)
            to_rgb.bias.zero_()
        silenced.load_state_dict(generator.state_dict())
        silenced.to_rgb[level].weight.zero_()
        changed = layers.images_with_noise(generator, range(20), psi=1.0, seed=0)[1 + level]
        w = latents.draw_w(generator, seed=0, stream="foreground", indices=range(20), psi=1.0)
        noise = normal((3, 4 << level, 4 << level), 0, f"rgb-noise-{4 << level}", range(20))
        assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1
        for _ in range(level, 2):
            noise = ops.upsample_image(noise)
        expected = (silenced.synthesize(w).image + noise).clamp(-1, 1)
        torch.testing.assert_close(changed, expected, rtol=0, atol=1e-5)


def test_numbers_depend_on_the_samples_and_not_on_the_batches():
    generator = tiny_generator()
    one, other = (layers.analyze_layers(generator, n=7, batch_size=size) for size in (7, 3))
    assert one.similarity == pytest.approx(other.similarity, abs=1e-5)
    assert one.similarity != pytest.approx(layers.analyze_layers(generator, n=7, seed=1).similarity, abs=1e-5)


@pytest.mark.parametrize("name", ["vessels", "vessels64"])
def test_the_embedded_generators_start_where_their_alpha_networks_do(name):
    generator = load_generator(name)
    analysis = layers.analyze_layers(generator, n=16)
    assert list(analysis.similarity) == sorted(analysis.similarity, reverse=True)
    assert analysis.first_resolution == 8
    if name == "vessels64":  # the shortcut of train-alpha finds the same; once is enough
        assert layers.first_resolution(generator, n=16) == 8


def test_a_generator_too_small_for_ssim():
    generator = Generator(GeneratorArchitecture(channels=(4, 4), z_dim=4, w_dim=4, mapping_layers=1))
    with pytest.raises(UserError, match="one of 8 px"):
        layers.analyze_layers(generator.requires_grad_(False))


def test_outputs_add_up_as_the_skip_architecture_does():
    coarse, fine = torch.ones(1, 3, 4, 4), torch.full((1, 3, 8, 8), 2.0)
    image = layers.add_up([coarse, fine])
    torch.testing.assert_close(image[..., 1:-1, 1:-1], torch.full((1, 3, 6, 6), 3.0))
