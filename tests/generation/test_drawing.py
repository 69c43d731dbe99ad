import dataclasses

import numpy as np
import pytest
import torch

from l4f_datagen import scores
from l4f_datagen.generation.drawing import alpha_to_uint8, composite, value_counts
from l4f_datagen.generation.models import load_models
from l4f_datagen.generation.stream import stream
from l4f_datagen.networks.fused.graphs import GraphedNetworks
from l4f_datagen.networks.fused.network import fuse
from l4f_datagen.networks.pixels import image_to_uint8
from tests.hardware import DEVICES


def test_composite_is_equation_1():
    alpha, foreground, background = torch.rand(2, 1, 4, 4), torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    expected = alpha * foreground + (1 - alpha) * background
    torch.testing.assert_close(composite(alpha, foreground, background), expected)


def test_images_are_rounded_and_clamped():
    image = torch.tensor([-2.0, -1, -0.004, 0.004, 1, 3]).reshape(1, 1, 1, 6).expand(1, 3, 1, 6)
    expected = [0, 0, 127, 128, 255, 255]
    array = image_to_uint8(image)
    assert array.shape == (1, 1, 6, 3) and array.dtype == torch.uint8
    assert array[0, 0, :, 2].tolist() == expected


def test_alpha_is_rounded():
    alpha = torch.tensor([0, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4, 1]).reshape(1, 1, 2, 2)
    assert alpha_to_uint8(alpha).flatten().tolist() == [0, 0, 1, 255]


def alphas(kind: str, shape: tuple[int, int, int]) -> torch.Tensor:
    if kind == "any":
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return torch.full(shape, int(kind), dtype=torch.uint8)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", ["any", "0", "255"])
@pytest.mark.parametrize("shape", [(1, 4, 4), (5, 16, 16), (3, 128, 128)])
def test_a_batch_is_counted_as_its_images_are(kind, shape, device):
    stored = alphas(kind, shape)
    found = value_counts(stored.to(device)).cpu()
    assert found.dtype == torch.int64
    expected = np.stack([scores.histogram(alpha) for alpha in stored.numpy()])
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("changes", [{}, {"save": ("foreground", "cutout", "w")}, {"min_area": 0.05}])
def test_what_a_gpu_counts_gives_the_same_scores(tiny_settings, monkeypatch, changes):
    """The way of a GPU, with tensors of the CPU: histograms are counted in the batch and travel with it."""
    settings = tiny_settings.model_copy(update=changes)
    models = load_models(settings)
    fused = GraphedNetworks(fuse(models.generator, models.alpha, dtype=torch.float32))
    models = dataclasses.replace(models, device=torch.device("cuda"), fused=fused)
    histogram = scores.histogram
    monkeypatch.setattr(scores, "histogram", lambda alpha: pytest.fail("counted twice"))
    samples = list(stream(settings, models=models))
    monkeypatch.setattr(scores, "histogram", histogram)
    assert len(samples) == settings.n
    for sample in samples:
        expected = scores.score(sample.alpha, sample.mask, settings.threshold)
        assert {name: sample.metadata[name] for name in expected} == expected
        assert ("w" in changes.get("save", ())) == (sample.w is not None)
