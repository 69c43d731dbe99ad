import numpy as np
import pytest
import torch

from l4f_datagen import scores
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.generation import drawing
from l4f_datagen.generation.models import load_models
from l4f_datagen.generation.stream import stream
from l4f_datagen.networks.pixels import image_to_uint8
from l4f_datagen.seeding import normal
from l4f_datagen.shards.format.schema import SCHEMA


def test_samples_are_complete_and_in_order(tiny_settings):
    samples = list(stream(tiny_settings))
    assert [sample.key for sample in samples] == [f"{i:09d}" for i in range(23)]
    for index, sample in enumerate(samples):
        assert list(sample.metadata) == SCHEMA.names
        assert sample.metadata["shard"] == index // 10
        assert sample.image.shape == (16, 16, 3) and sample.alpha.shape == sample.mask.shape == (16, 16)
        assert {sample.image.dtype, sample.alpha.dtype, sample.mask.dtype} == {np.dtype("uint8")}
        np.testing.assert_array_equal(sample.mask, sample.alpha >= scores.cut(0.5))
        assert sample.foreground is sample.background is sample.w is None
    assert 0.02 < np.mean([sample.mask.mean() for sample in samples]) < 0.98


def test_a_sample_is_made_as_the_paper_says(tiny_settings):
    """The stream against the public networks, one sample at a time."""
    settings = tiny_settings.model_copy(update={"save": ("background", "foreground", "w"), "n": 6})
    models = load_models(settings)
    for index, sample in enumerate(stream(settings)):
        w = {}
        for name, psi in (("foreground", settings.psi), ("background", settings.background_psi)):
            z = normal((6,), settings.seed, name, [index])
            w[name] = models.generator.truncate(models.generator.map(z), psi=psi)
        out = models.generator.synthesize(w["foreground"])
        alpha = models.alpha(out.features)
        background = models.generator.background(w["background"])
        image = alpha * out.image + (1 - alpha) * background
        assert np.abs(sample.image - image_to_uint8(image)[0].numpy().astype(int)).max() <= 1
        assert np.abs(sample.alpha - drawing.alpha_to_uint8(alpha)[0].numpy().astype(int)).max() <= 1
        assert np.abs(sample.foreground - image_to_uint8(out.image)[0].numpy().astype(int)).max() <= 1
        np.testing.assert_allclose(sample.w[0], w["foreground"][0].numpy(), rtol=1e-4, atol=1e-5)


def test_a_shard_does_not_depend_on_the_others_nor_on_threads(tiny_settings):
    whole = list(stream(tiny_settings))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        part = list(stream(tiny_settings, shards=[2, 1]))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert [s.key for s in part] == [s.key for s in whole[20:] + whole[10:20]]
    for ours, theirs in zip(part, whole[20:] + whole[10:20], strict=True):
        np.testing.assert_array_equal(ours.image, theirs.image)
        np.testing.assert_array_equal(ours.alpha, theirs.alpha)


@pytest.mark.parametrize("noise", ["const", "none", "random"])
def test_another_batch_size_gives_the_same_pixels_to_rounding(tiny_settings, noise):
    settings = tiny_settings.model_copy(update={"noise": noise})
    for a, b in zip(stream(settings), stream(settings.model_copy(update={"batch_size": 7})), strict=True):
        assert np.abs(a.image.astype(int) - b.image).max() <= 1
        assert np.abs(a.alpha.astype(int) - b.alpha).max() <= 1


def test_blending_with_the_mask_gives_foreground_or_background(tiny_settings):
    settings = tiny_settings.model_copy(update={"blend": "mask", "save": ("background", "foreground"), "n": 4})
    for sample in stream(settings):
        expected = np.where(sample.mask[..., None] == 1, sample.foreground, sample.background)
        np.testing.assert_array_equal(sample.image, expected)


def test_another_seed_gives_other_samples(tiny_settings):
    other = tiny_settings.model_copy(update={"seed": 1})
    assert not np.array_equal(next(iter(stream(tiny_settings))).image, next(iter(stream(other))).image)


def test_foreground_and_background_codes_are_independent(tiny_settings):
    settings = tiny_settings.model_copy(update={"save": ("w",), "psi": 1.0})
    w = np.stack([sample.w for sample in stream(settings)])
    assert not np.allclose(w[:, 0], w[:, 1])


def test_closing_the_stream_early_is_clean(tiny_settings):
    samples = stream(tiny_settings.model_copy(update={"n": 10_000}))
    next(samples)
    samples.close()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_cuda_asked_for_and_absent_is_an_error(tiny_settings):
    with pytest.raises(UserError, match="no CUDA device.*--device cpu"):
        load_models(tiny_settings.model_copy(update={"device": "cuda"}))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_codes_and_pixels_to_rounding(tiny_settings):
    settings = tiny_settings.model_copy(update={"save": ("w",)})
    for a, b in zip(stream(settings), stream(settings.model_copy(update={"device": "cuda"})), strict=True):
        np.testing.assert_allclose(a.w, b.w, rtol=1e-2, atol=1e-3)
        assert np.abs(a.image.astype(int) - b.image).max() <= 4


def test_too_little_memory_names_the_batch_size(tiny_settings, monkeypatch):
    def allocating(*_):
        torch.empty(1 << 60)

    monkeypatch.setattr("l4f_datagen.generation.stream.run_networks", allocating)
    with pytest.raises(WorkError, match="batches of 4: use a smaller --batch-size"):
        next(stream(tiny_settings))
