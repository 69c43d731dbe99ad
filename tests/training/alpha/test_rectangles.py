"""``train-alpha`` and what follows it on a generator of rectangular images."""

import numpy as np
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen.analysis.crops import open_crops
from l4f_datagen.errors import UserError
from l4f_datagen.evaluation import cuts
from l4f_datagen.photographs.opening import open_source
from l4f_datagen.photographs.square import fitted
from l4f_datagen.settings import TrainAlphaSettings, TrainSegmenterSettings
from l4f_datagen.training.alpha import card, choosing, heads, phases, teaching
from l4f_datagen.training.alpha.train import train_alpha
from l4f_datagen.training.core.real_images import RealImages
from l4f_datagen.training.segmenter.batches import LabelledBatches
from l4f_datagen.weights import native
from tests.conftest import RECTANGLES, tiny_generator

WIDE = "32×16 px"


@pytest.fixture
def generator(tmp_path):
    native.save(tmp_path / "generator", generator=tiny_generator(RECTANGLES[WIDE]))
    return tmp_path / "generator"


PRESETS = {
    "paper": {"preset": "paper", "first_resolution": 8, "iterations": 2, "r1_every": 2},
    "auto": {
        "iterations": 2, "phi_2_heads": (0.2, 0.4), "choosing_iterations": 1, "cut_rounds": 1, "cut_samples": 8,
        "teaching_iterations": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
def test_masks_are_learned_drawn_and_learned_from(preset, generator, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(phases, "PROBES", 8)
    monkeypatch.setattr(heads, "POOL", 8)
    monkeypatch.setattr(teaching, "AGREEING", 0.0)  # random networks and random pictures agree in nothing
    monkeypatch.setattr(cuts, "LAWS", (cuts.CutLaw(rounds=1),))
    monkeypatch.setattr(choosing, "degenerate", lambda measured: None)
    monkeypatch.setattr(card, "_SAMPLES", 8)
    settings = TrainAlphaSettings(
        generator=str(generator), images=str(pictures), batch_size=4, minibatch_group=2, noise="random", mirror=True,
        sheet_every=1, checkpoint_every=2, log_every=1, device="cpu", **PRESETS[preset],
    )  # fmt: skip
    result = train_alpha(settings, tmp_path / "run")
    common = {"generator": str(generator), "alpha": str(result.final), "threshold": 0.5, "device": "cpu"}
    (sample,) = l4f.stream(l4f.GenerateSettings(n=1, **common))
    assert sample.image.shape == (16, 32, 3) and sample.mask.shape == (16, 32)
    if preset == "paper":
        place = f"generator:{result.final}"
        batches = LabelledBatches(TrainSegmenterSettings(shards=(place,), validation_images=4, device="cpu"))
        assert batches.size == 16 and batches.batch(range(3)).images.shape[1:] == (3, 16, 16)


def test_more_levels_than_there_are_are_refused_with_the_size(generator, pictures, tmp_path):
    settings = TrainAlphaSettings(
        preset="paper", generator=str(generator), images=str(pictures), first_resolution=16, device="cpu"
    )
    with pytest.raises(UserError, match="at most 8, two levels of a generator of 32×16 px"):
        train_alpha(settings, tmp_path / "run")


@pytest.mark.parametrize("size", [(4, 8), (8, 4), (6, 6)])
def test_photographs_are_cut_to_the_shape(size, pictures):
    column, row = np.arange(40)[None, :, None], np.arange(24)[:, None, None]
    picture = np.concatenate(np.broadcast_arrays(column * 4, row * 4, row * 0), -1).astype(np.uint8)
    found = fitted(picture, size).astype(int)
    assert found.shape == (*size, 3)
    steps = np.diff(found[0, :, 0]).mean(), np.diff(found[:, 0, 1]).mean()
    assert steps[0] == pytest.approx(steps[1], rel=0.15), "no side is stretched"
    assert found[..., 0].mean() == pytest.approx(78, abs=3) and found[..., 1].mean() == pytest.approx(46, abs=3)
    images = RealImages(open_source(str(pictures), world_images=4), size=size, seed=0)
    assert images.batch(range(2)).shape == (2, 3, *size)
    with pytest.raises(UserError, match=f"at most the {size[0]} rows"):
        RealImages(images.source, size=size, seed=0, content_rows=size[0] + 1)
    world = RealImages(open_source("world:vessels", world_images=4), size=size, seed=0)
    assert world.batch([1]).shape == (1, 3, *size)


def test_crops_of_backgrounds_have_the_shape(pictures):
    image = torch.zeros(2, 3, 16, 32)
    for name in ("auto", "plain", str(pictures)):
        assert open_crops(name, (16, 32))(image, [0, 1]).shape == image.shape
