import numpy as np
import pytest
import torch

from l4f_datagen.generation.drawing import alpha_to_uint8, composite
from l4f_datagen.generation.models import load_models
from l4f_datagen.generation.refinement import guided_filter
from l4f_datagen.generation.stream import stream
from l4f_datagen.networks.pixels import image_to_uint8
from l4f_datagen.seeding import normal
from l4f_datagen.settings import EvaluateAlphaSettings, GenerateSettings


def windows(size: int, radius: int) -> list[tuple[slice, slice]]:
    """The window around each pixel, cut at the border; row by row."""
    ranges = [slice(max(0, i - radius), i + radius + 1) for i in range(size)]
    return [(rows, columns) for rows in ranges for columns in ranges]


@pytest.mark.parametrize(("radius", "epsilon"), [(1, 0.01), (3, 0.001)])
def test_it_is_ridge_regression_in_every_window(radius, epsilon):
    """Against the definition: least squares with a penalty on the slope, window by window, in double precision."""
    torch.manual_seed(0)
    size = 9
    image, alpha = torch.rand(1, 3, size, size), torch.rand(1, 1, size, size)
    colours, target = image[0].permute(1, 2, 0).double().numpy(), alpha[0, 0].double().numpy()
    functions = []
    for window in windows(size, radius):
        c, t = colours[window].reshape(-1, 3), target[window].ravel()
        rows = np.vstack(
            [np.hstack([c, np.ones((len(c), 1))]), np.hstack([np.sqrt(epsilon * len(c)) * np.eye(3), np.zeros((3, 1))])]
        )
        functions.append(np.linalg.lstsq(rows, np.hstack([t, np.zeros(3)]), rcond=None)[0])
    functions = np.array(functions).reshape(size, size, 4)
    means = [functions[window].reshape(-1, 4).mean(0) for window in windows(size, radius)]
    expected = (np.hstack([colours.reshape(-1, 3), np.ones((size * size, 1))]) * means).sum(1).reshape(size, size)
    found = guided_filter(alpha, 2 * image - 1, radius=radius, epsilon=epsilon)
    np.testing.assert_allclose(found[0, 0].numpy(), expected.clip(0, 1), atol=1e-5)


def test_an_outline_goes_to_the_edge_beside_it():
    colour = torch.where(torch.arange(32) < 16, 0.8, -0.6).expand(1, 3, 32, 32)
    beside = (torch.arange(32) < 14).float().expand(1, 1, 32, 32)  # two pixels short
    found = guided_filter(beside, colour, radius=3, epsilon=1e-4)[0, 0] >= 0.35
    assert (found == (torch.arange(32) < 16)).all()


def test_where_there_is_no_edge_nothing_comes_about():
    plain, alpha = torch.zeros(2, 3, 16, 16), torch.ones(2, 1, 16, 16)
    torch.testing.assert_close(guided_filter(alpha, plain, radius=2, epsilon=1e-3), alpha)
    found = guided_filter(torch.rand(2, 1, 16, 16).round(), torch.rand(2, 3, 16, 16) * 4 - 2, radius=2, epsilon=1e-3)
    assert found.min() >= 0 and found.max() <= 1


def test_generate_refines_what_it_stores_and_blends_with(tiny_settings):
    settings = tiny_settings.model_copy(update={"refine": 2, "n": 4})
    models = load_models(settings)
    for index, sample in enumerate(stream(settings)):
        w = []
        for name, psi in (("foreground", settings.psi), ("background", settings.background_psi)):
            z = normal((6,), settings.seed, name, [index])
            w.append(models.generator.truncate(models.generator.map(z), psi=psi))
        out = models.generator.synthesize(w[0])
        plain = models.alpha(out.features)
        alpha = guided_filter(plain, out.image, radius=2, epsilon=settings.refine_epsilon)
        image = composite(alpha, out.image, models.generator.background(w[1]))
        assert np.abs(sample.alpha - alpha_to_uint8(alpha)[0].numpy().astype(int)).max() <= 1
        assert np.abs(sample.image - image_to_uint8(image)[0].numpy().astype(int)).max() <= 1
        assert np.abs(sample.alpha - alpha_to_uint8(plain)[0].numpy().astype(int)).max() > 10


def test_the_defaults_leave_alphas_alone_and_are_the_same_for_measuring():
    made, measured = GenerateSettings(), EvaluateAlphaSettings()
    assert (made.refine, made.refine_epsilon) == (measured.refine, measured.refine_epsilon) == (0, 0.001)
