"""A layered generator: its layers are moved and put together, it resumes bit for bit, and others draw its samples."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from l4f_datagen.engines.description import describe
from l4f_datagen.errors import UserError
from l4f_datagen.evaluation import alpha
from l4f_datagen.evaluation.sets.frechet import open_images
from l4f_datagen.generation.drawing import composite, draw
from l4f_datagen.generation.stream import load_models, stream
from l4f_datagen.settings import (
    EvaluateAlphaSettings,
    EvaluateFrechetSettings,
    GenerateSettings,
    TrainLayeredSettings,
)
from l4f_datagen.training.core.process_group import Processes
from l4f_datagen.training.layered.layers import shifted, with_contrast
from l4f_datagen.training.layered.learner import TERMS, LayeredLearner
from l4f_datagen.training.layered.train import train_layered

from ..alpha.test_alpha import Killed

FILES = ("generator.safetensors", "alpha.safetensors", "background/generator.safetensors")


def tiny(pictures, **changes) -> TrainLayeredSettings:
    """Four steps of four images, 16 px; lazy R1 and the rise of B happen."""
    values = {
        "images": str(pictures), "mirror": True, "resolution": 16, "channels": "8,8,6", "z_dim": 6, "mapping_layers": 2,
        "iterations": 4, "batch_size": 4, "minibatch_group": 2, "r1": 1.0, "r1_every": 2, "decided_after": 0.5,
        "log_every": 1, "checkpoint_every": 2, "sheet_every": 2, "device": "cpu",
    }  # fmt: skip
    return TrainLayeredSettings(**values | changes)


def learner_of(settings: TrainLayeredSettings) -> LayeredLearner:
    return LayeredLearner(settings, settings.of_generator(14), Processes(device="cpu", precision="float32"))


@pytest.fixture(scope="module")
def run(pictures, tmp_path_factory):
    """The folder of a finished run, and what it told. Not to be changed."""
    told = []
    folder = tmp_path_factory.mktemp("layered") / "whole"
    result = train_layered(tiny(pictures), folder, report=told.append)
    assert result.made == 4 and {"area", "decisiveness", "variety"} <= result.quality.keys()
    return folder, told


def test_a_killed_run_gives_the_same_weights(run, pictures, tmp_path):
    folder, told = run
    assert set(TERMS) == set().union(*(progress.terms for progress in told))
    assert sorted(p.name for p in (folder / "samples").iterdir()) == ["000002.png", "000004.png"]

    def kill(progress):
        if progress.iteration == 3:
            raise Killed

    with pytest.raises(Killed):
        train_layered(tiny(pictures), tmp_path / "killed", report=kill)
    assert train_layered(tiny(pictures), tmp_path / "killed").made == 2
    for name in FILES:
        one, other = (load_file(place / "final" / name) for place in (folder, tmp_path / "killed"))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert train_layered(tiny(pictures, log_every=3), tmp_path / "killed").made == 0
    with pytest.raises(UserError, match="shift"):
        train_layered(tiny(pictures, shift=0.25), tmp_path / "killed")


def test_layers_are_moved_by_whole_pixels():
    layers = torch.arange(2 * 3 * 4, dtype=torch.float32).view(2, 1, 3, 4) + 1
    down, left = shifted(layers, [(1, 0), (0, -2)])
    assert torch.equal(down[0, 1:], layers[0, 0, :-1]) and not down[0, 0].any()
    assert torch.equal(left[0, :, :2], layers[1, 0, :, 2:]) and not left[0, :, 2:].any()
    assert shifted(layers, [(0, 0), (0, 0)]) is layers


def test_contrast_keeps_the_mean_colour():
    images = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    changed = with_contrast(images, torch.tensor([0.5, 1.3]))
    assert torch.allclose(changed.mean((2, 3)), images.mean((2, 3)), atol=1e-6)
    assert torch.allclose(changed.std((2, 3)) / images.std((2, 3)), torch.tensor([[0.5], [1.3]]).expand(2, 3))


def test_shifts_reach_as_far_as_they_are_told_and_no_further(pictures):
    learner = learner_of(tiny(pictures, shift=0.25, batch_size=64, contrast=0.0))
    with torch.no_grad():
        for layer in (learner.layers.alpha.output, *learner.layers.alpha.merge):
            layer.weight.zero_()
            layer.bias.fill_(40.0)  # alpha is 1, so that all that a shift uncovers is background
        for colour in (*learner.layers.foreground.to_rgb, *learner.layers.background.to_rgb):
            colour.weight.zero_()
            colour.bias.zero_()
        learner.layers.foreground.to_rgb[0].bias.fill_(1.0)
        image, alpha = learner.draw(learner.positions(0))
    assert (alpha > 0.99).all()
    rows, columns = ((image[:, 0] > 0.5).any(axis).sum(1) for axis in (2, 1))
    gone = torch.cat([16 - rows, 16 - columns])
    assert set(gone.tolist()) == {0, 1, 2, 3, 4}


def test_masks_learn_their_least_and_largest_area(pictures):
    for weights, wanted in (({"lambda_3": 0, "phi_1": 0.9}, 0.7), ({"lambda_2": 0, "phi_2": 0.9}, 0.3)):
        strong = {"lambda_2": 300.0, "lambda_3": 300.0, "lambda_1": 0.0, "learning_rate": 0.05} | weights
        learner = learner_of(tiny(pictures, **strong))
        real = [torch.zeros(4, 3, 16, 16)]
        for iteration in range(8):
            learner.discriminator_step(iteration, real)
            area = float(learner.layers_step(iteration)["area"])
        assert area > wanted if wanted > 0.5 else area < wanted


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"resolution": 8, "channels": None}, "at least 16"),
        ({"channels": "8,8"}, "channels: got 2 numbers; expected 3"),
        ({"batch_size": 15, "minibatch_group": 5}, "at least a batch, 15"),
        ({"minibatch_group": 3}, "batch_size"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(pictures, tmp_path, changes, told):
    with pytest.raises(UserError, match=told):
        train_layered(tiny(pictures, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_generate_draws_composites_of_both_generators(run):
    folder, _ = run
    settings = GenerateSettings(n=3, generator=str(folder), device="cpu", save=("foreground", "background"), psi=1.0)
    models = load_models(settings)
    assert models.behind is not None and models.sources.keys() == {"generator", "alpha", "background"}
    drawn = draw(settings, models, {"seed": 0, "indices": [0, 1, 2], "numbers": [0, 0, 0]})
    assert drawn.background is not None
    expected = models.behind.synthesize(drawn.w["background"]).image
    assert torch.equal(drawn.background, expected)
    for sample, image in zip(stream(settings, models=models), composite(drawn.alpha, drawn.foreground, expected)):
        difference = sample.image.astype(int) - ((image + 1) * 127.5).clamp(0, 255).permute(1, 2, 0).numpy()
        assert np.abs(difference).max() <= 1
    assert "background_sha256" in describe(settings, models)["identity"]


@pytest.mark.parametrize("switched_off", ["constant", "channels:0.6"])
def test_nothing_is_switched_off_where_another_generator_draws_backgrounds(run, switched_off):
    folder, _ = run
    settings = GenerateSettings(n=3, generator=str(folder), device="cpu", switched_off=switched_off)
    with pytest.raises(UserError, match=f"--switched-off: got {switched_off}, which has no effect here"):
        load_models(settings)


def test_measurements_see_composites(run, tiny_checkpoint):
    folder, _ = run
    settings = EvaluateAlphaSettings(n=3, generator=str(folder), psi="1", device="cpu")
    (batch,) = alpha.draw(settings, alpha.load(settings), 1.0)
    samples = list(stream(GenerateSettings(n=3, generator=str(folder), device="cpu", psi=1.0, background_psi=1.0)))
    np.testing.assert_allclose(batch.images.astype(int), [s.image for s in samples], atol=1)
    np.testing.assert_allclose(batch.alphas.astype(int), [s.alpha for s in samples], atol=1)
    frechet = EvaluateFrechetSettings(features="unused", n=3, device="cpu")
    images = open_images(f"generator:{folder}", frechet, torch.device("cpu"))
    assert images.name == f"layered:{folder}"
    np.testing.assert_allclose(next(iter(images.batches())).astype(int), batch.images, atol=1)
    with pytest.raises(UserError, match="baselines"):
        alpha.evaluate_alpha(settings.model_copy(update={"baselines": True}), lambda images, keys: images[..., 0])
