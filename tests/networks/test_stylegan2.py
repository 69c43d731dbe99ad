import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from l4f_datagen import weights
from l4f_datagen.networks import ops
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture
from tests.conftest import RECTANGLES, TINY, tiny_generator

ARCHITECTURES = {
    "8 px": GeneratorArchitecture(channels=(8, 6), z_dim=5, w_dim=5, mapping_layers=1),
    "16 px": TINY,
    "128 px, rising channels": GeneratorArchitecture(channels=(2, 3, 4, 5, 6, 7), z_dim=4, w_dim=8, mapping_layers=3),
    "clamped": GeneratorArchitecture(channels=(8, 8, 8), z_dim=8, w_dim=8, mapping_layers=2, conv_clamp=0.7),
    **RECTANGLES,
}


@pytest.fixture(params=ARCHITECTURES, scope="module")
def generator(request) -> Generator:
    return tiny_generator(ARCHITECTURES[request.param])


def textbook(generator: Generator, w: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Synthesis written down from the paper's equations, one sample at a time: weights modulated, then demodulated."""
    a, images, features = generator.architecture, [], []
    clamp = (lambda x: x) if a.conv_clamp is None else lambda x: x.clamp(-a.conv_clamp, a.conv_clamp)

    def style(module, code):
        return F.linear(code, module.affine_weight / math.sqrt(a.w_dim)) + module.affine_bias

    for codes in w:
        x, image, index = generator.constant[None], None, 0
        maps = []
        for level, to_rgb in enumerate(generator.to_rgb):
            for layer in generator.layers[max(2 * level - 1, 0) : 2 * level + 1]:
                modulated = (
                    layer.weight / math.sqrt(layer.weight[0].numel()) * style(layer, codes[index])[:, None, None]
                )
                modulated = modulated * (modulated.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
                if layer.up:
                    x = F.conv_transpose2d(x, modulated.transpose(0, 1), stride=2)
                    kernel = ops.fir_kernel(gain=4).expand(x.shape[1], 1, 4, 4)
                    x = F.conv2d(x, kernel, padding=1, groups=x.shape[1])
                else:
                    x = F.conv2d(x, modulated, padding=1)
                x = x + layer.noise * layer.noise_strength + layer.bias[:, None, None]
                x = clamp(F.leaky_relu(x, 0.2) * math.sqrt(2))
                maps.append(x)
                index += 1
            weight = to_rgb.weight / math.sqrt(to_rgb.weight.shape[1]) * style(to_rgb, codes[index])
            rgb = clamp(F.conv2d(x, weight[:, :, None, None], to_rgb.bias))
            image = rgb if image is None else ops.upsample_image(image) + rgb
        images.append(image)
        features.append(maps)
    return torch.cat(images), [torch.cat(maps) for maps in zip(*features)]


def test_synthesis_is_the_papers(generator):
    w = torch.randn(3, generator.architecture.num_ws, generator.architecture.w_dim)
    image, features = textbook(generator, w)
    out = generator.synthesize(w)
    assert out.image.shape == (3, 3, *generator.architecture.size)
    torch.testing.assert_close(out.image, image, rtol=1e-4, atol=1e-4)
    assert len(out.features) == 2 * len(generator.architecture.channels) - 1
    for ours, theirs in zip(out.features, features):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", RECTANGLES)
def test_random_noise_has_the_shape_of_each_layer(name):
    generator = tiny_generator(RECTANGLES[name])
    height, width = generator.architecture.constant
    sizes = [(height << level, width << level) for level in (0, 1, 1, 2, 2)]
    assert generator.architecture.noise_sizes == sizes and generator.architecture.size == (4 * height, 4 * width)
    assert [tuple(layer.noise.shape) for layer in generator.layers] == sizes
    w = torch.randn(2, generator.architecture.w_dim)
    engines = [[torch.Generator().manual_seed(seed) for seed in (1, 2)] for _ in range(2)]
    maps = [torch.stack([torch.randn(*size, generator=engine) for engine in engines[0]]) for size in sizes]
    drawn = generator.synthesize(w, "random", noise_generators=engines[1]).image
    torch.testing.assert_close(drawn, generator.synthesize(w, maps).image)
    assert not torch.allclose(drawn, generator.synthesize(w).image)


def test_a_rectangle_has_no_one_side():
    architecture = RECTANGLES["32×16 px"]
    assert (architecture.size, architecture.pixels) == ((16, 32), "32×16 px")
    with pytest.raises(ValueError, match="32×16 px have no one side"):
        _ = architecture.resolution
    assert (TINY.resolution, TINY.pixels) == (16, "16 px")


def test_one_code_for_all_layers_equals_w_plus(generator):
    w = torch.randn(2, generator.architecture.w_dim)
    w_plus = w[:, None].expand(-1, generator.architecture.num_ws, -1)
    torch.testing.assert_close(generator.synthesize(w).image, generator.synthesize(w_plus).image, rtol=1e-5, atol=1e-5)


def test_inference_and_training_paths_agree(generator):
    w = torch.randn(2, generator.architecture.w_dim)
    trained = copy.deepcopy(generator).requires_grad_(True)
    with torch.inference_mode():
        expected = generator.synthesize(w)
    out = trained.synthesize(w)
    torch.testing.assert_close(out.image, expected.image.clone(), rtol=1e-4, atol=1e-5)
    (out.image.sum() + out.features[-1].sum()).backward()
    assert all(
        p.grad is not None and p.grad.isfinite().all() for n, p in trained.named_parameters() if "mapping" not in n
    )


def test_a_weight_changed_in_place_changes_the_image():
    generator = tiny_generator()
    w = torch.randn(1, TINY.w_dim)
    before = generator.synthesize(w).image
    generator.layers[1].affine_weight.mul_(1.5)
    generator.layers[2].noise_strength.add_(1)
    changed = generator.synthesize(w).image
    assert not torch.allclose(before, changed)
    torch.testing.assert_close(changed, copy.deepcopy(generator).synthesize(w).image)


def test_mapping_by_hand():
    generator = tiny_generator()
    z = torch.randn(2, TINY.z_dim)
    x = z / z.square().mean(1, keepdim=True).sqrt()
    for weight, bias in zip(generator.mapping.weights, generator.mapping.biases):
        x = F.leaky_relu(x @ weight.t() * 0.01 / math.sqrt(weight.shape[1]) + bias * 0.01, 0.2) * math.sqrt(2)
    torch.testing.assert_close(generator.map(z), x, rtol=1e-4, atol=1e-5)


def test_truncation():
    generator = tiny_generator()
    w = torch.randn(4, TINY.w_dim)
    assert generator.truncate(w, 1) is w
    torch.testing.assert_close(generator.truncate(w, 0), generator.w_avg.expand_as(w))
    torch.testing.assert_close(generator.truncate(w, 0.7), generator.w_avg + 0.7 * (w - generator.w_avg))


def test_backgrounds_switch_the_first_layer_off():
    generator = tiny_generator()
    w = torch.randn(2, TINY.w_dim)
    first = generator.background(w)
    constant = generator.background(w, switched_off="constant")
    whole = generator.synthesize(w).image
    assert first.shape == constant.shape == whole.shape
    assert not torch.allclose(first, whole) and not torch.allclose(first, constant)
    # Neither looks at the learned constant; only "constant" looks at the first convolution's noise and bias.
    generator.constant.normal_()
    torch.testing.assert_close(generator.background(w), first)
    torch.testing.assert_close(generator.background(w, switched_off="constant"), constant)
    generator.layers[0].bias.add_(1)
    torch.testing.assert_close(generator.background(w), first)
    assert not torch.allclose(generator.background(w, switched_off="constant"), constant)


def test_noise_modes():
    generator = tiny_generator()
    w = torch.randn(2, TINY.w_dim)
    const, none = generator.synthesize(w).image, generator.synthesize(w, "none").image

    def random(*seeds):
        return generator.synthesize(
            w[: len(seeds)], "random", noise_generators=[torch.Generator().manual_seed(s) for s in seeds]
        ).image

    drawn = random(1, 2)
    assert not torch.allclose(const, none) and not torch.allclose(drawn, const)
    torch.testing.assert_close(random(1), drawn[:1])
    for layer in generator.layers:
        layer.noise_strength.zero_()
    torch.testing.assert_close(generator.synthesize(w).image, none)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_of_ones_own_are_drawn_noise_whether_it_learns_or_not(dtype):
    generator = tiny_generator().to(dtype)
    w = torch.randn(2, TINY.w_dim, dtype=dtype)
    engines = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    maps = []
    for size in generator.architecture.noise_sizes:
        maps.append(torch.stack([torch.randn(*size, generator=engine) for engine in engines]).to(dtype))
    assert len(maps) == len(generator.layers)
    with torch.no_grad():
        again = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        wanted = generator.synthesize(w, "random", noise_generators=again).image
        torch.testing.assert_close(generator.synthesize(w, maps).image, wanted)
    torch.testing.assert_close(generator.synthesize(w, maps).image, wanted)


@pytest.mark.parametrize("shape", [(2, 3), (10,), (2, 5, 10)])
def test_codes_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="expected"):
        tiny_generator().synthesize(torch.zeros(shape))


def test_random_noise_wants_a_generator_per_sample():
    with pytest.raises(ValueError, match="one generator per sample"):
        tiny_generator().synthesize(torch.zeros(2, TINY.w_dim), "random", noise_generators=[torch.Generator()])


@pytest.mark.parametrize("name", ["converted", "trained"])
def test_equal_to_the_published_implementation(shared, name):
    golden = np.load(shared / "goldens" / "rosinality-32.npz")
    generator = weights.load_generator(shared / "goldens" / f"rosinality-{name}-32.pt")
    w = generator.map(torch.from_numpy(golden["z"]))
    np.testing.assert_allclose(w.numpy(), golden["w"], atol=1e-5)
    if name == "converted":  # the other file lacks the centre of truncation
        np.testing.assert_allclose(generator.w_avg.numpy(), golden["latent_avg"])
        image = generator.synthesize(generator.truncate(w, float(golden["psi"]))).image
        np.testing.assert_allclose(image.numpy(), golden["image"], atol=1e-4)
    image = generator.synthesize(torch.from_numpy(golden["w_plus"])).image
    np.testing.assert_allclose(image.numpy(), golden["image_w_plus"], atol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_image(generator):
    w = torch.randn(2, generator.architecture.w_dim)
    on_gpu = copy.deepcopy(generator).cuda().synthesize(w.cuda()).image.cpu()
    torch.testing.assert_close(on_gpu, generator.synthesize(w).image, rtol=1e-2, atol=1e-2)
