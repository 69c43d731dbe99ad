"""Channels that a descent finds, and who keeps them."""

import json

import numpy as np
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen.analysis import descent
from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.evaluation.sets.frechet import open_images
from l4f_datagen.generation.drawing import draw
from l4f_datagen.generation.models import load_models
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.networks.inference import freeze
from l4f_datagen.networks.pixels import image_to_uint8
from l4f_datagen.networks.zeroed import ZeroedChannels, activation_sizes, from_tensors
from l4f_datagen.settings import EvaluateFrechetSettings, GenerateSettings
from tests.conftest import TINY, tiny_generator
from tests.training.conftest import write_pictures


@pytest.fixture
def few(monkeypatch):
    """A descent of a moment."""
    for name, value in {"SAMPLES": 6, "AT_ONCE": 3, "STEPS": 3, "PICTURES": 5}.items():
        monkeypatch.setattr(descent, name, value)


def test_gates_are_what_channels_are_multiplied_with():
    generator = freeze(tiny_generator())
    sizes = activation_sizes(TINY.channels)
    w = generator.map(torch.randn(2, TINY.z_dim, generator=torch.Generator().manual_seed(0)))
    open_ = [torch.ones(size) for size in sizes]
    torch.testing.assert_close(descent.gated(generator, open_).synthesize(w).image, generator.synthesize(w).image)
    shut = [one.clone() for one in open_]
    shut[1][0] = shut[3][2] = 0
    zeroed = ZeroedChannels(None, sizes, tuple(tuple((one == 0).nonzero()[:, 0].tolist()) for one in shut))
    expected = generator.background(w, switched_off=zeroed)
    torch.testing.assert_close(descent.gated(generator, shut).synthesize(w).image, expected)


def test_grain_is_of_the_region_alone_and_by_octave():
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(1, 3, 32, 32)
    image[..., 16:] = torch.randn(1, 3, 32, 16, generator=generator)
    left, right = torch.zeros(1, 32, 32), torch.zeros(1, 32, 32)
    left[..., :16], right[..., 16:] = 1, 1
    plain, rough = descent.grain(image, left, scales=3)[0], descent.grain(image, right, scales=3)[0]
    assert plain.max() < -13 and abs(float(rough[0, 0]) - np.log(4)) < 0.2  # twice 2σ², by two axes
    assert rough[0, 0] > rough[0, 1] > rough[0, 2]  # means of four independent values vary a quarter as much
    small = torch.zeros(1, 32, 32)
    small[:, 8:12, 8:12] = 1
    _, found = descent.grain(image, small, scales=4)
    assert found.tolist() == [[True, True, False, False]]  # 4 pixels, 2, then 1, which has no neighbour


def test_what_a_step_lowers_is_where_backgrounds_differ_from_their_samples():
    """Of the sample itself only what is behind the object is wrong; of a grey picture everything."""
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.1
    hidden = torch.zeros(2, 32, 32)
    hidden[:, 8:24, 8:24] = 1
    shown = torch.where(hidden[:, None] > 0, torch.ones_like(image), image)
    held_to = descent._Samples(torch.zeros(2, 1), shown, hidden, descent._low(image))
    real = descent.grain(image, scales=3)[0].sort(0).values
    chosen = torch.arange(2)
    right, object_left, grey = (
        float(descent._loss(one, held_to, chosen, real)) for one in (image, shown, torch.zeros_like(image))
    )
    assert right < object_left / 5 and right < grey / 5


def test_a_descent_follows_from_its_arguments(few):
    generator = freeze(tiny_generator())
    pictures = torch.rand(5, 3, *generator.architecture.size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    alpha = AlphaNetwork(TINY.channels[1:]).eval()
    first, again = (descent.descend(generator, alpha, pictures, seed=3) for _ in range(2))
    assert first == again and first.share is None and first.sizes == activation_sizes(TINY.channels)
    # Gates of the first convolution begin below one half, all others above it.
    assert len(first.channels[1]) > first.sizes[1] / 2
    assert from_tensors(first.tensors()) == first


@pytest.fixture
def analysed(few, tmp_path, tiny_checkpoint, capsys):
    write_pictures(tmp_path / "images", 6)
    words = ["analyze", "backgrounds", "--generator", str(tiny_checkpoint), "--n", "2", "--shares", "0.5"]
    words += ["--images", str(tmp_path / "images"), "--out", str(tmp_path / "found"), "--device", "cpu", "--json"]
    assert main(words) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    return trials, tmp_path / "found" / "alpha"


def test_analyze_backgrounds_finds_and_keeps_them(analysed, tmp_path, tiny_checkpoint, capsys):
    trials, keeping = analysed
    kept = l4f.load_alpha(keeping).zeroed_channels
    assert trials["channels:auto"]["zeroed"] == kept.count and kept.share is None
    common = ["--generator", str(tiny_checkpoint), "--n", "2", "--device", "cpu", "--switched-off", "channels:auto"]
    images = ["--save", "background", "--image-format", "png"]
    assert main(["generate", *common, *images, "--alpha", str(keeping), "--out", str(tmp_path / "shards")]) == 0
    generator = l4f.load_generator(tiny_checkpoint)
    settings = GenerateSettings(
        generator=str(tiny_checkpoint), alpha=str(keeping), switched_off="channels:auto", device="cpu"
    )
    drawn = draw(settings, load_models(settings), {"seed": 0, "indices": range(2), "numbers": [0] * 2})
    expected = image_to_uint8(generator.background(drawn.w["background"], switched_off=kept)).numpy()
    stored = np.stack([sample.background for sample in l4f.open_dataset(tmp_path / "shards")]).astype(int)
    assert np.abs(stored - expected).max() <= 1 and np.abs(stored - expected[::-1]).max() > 1
    capsys.readouterr()
    assert main(["generate", *common, "--out", str(tmp_path / "none")]) == 2
    assert "keeps no channels" in (said := capsys.readouterr().err) and "analyze backgrounds --images" in said
    assert main(["generate", *common[:-1], "channels:0.5", "--alpha", str(keeping), "--out", str(tmp_path / "no")]) == 2
    assert "keeps those of channels:auto" in capsys.readouterr().err


FEW = {
    "preset": "paper", "first_resolution": 8, "iterations": 1, "batch_size": 4, "minibatch_group": 2,
    "switched_off": "channels:auto", "device": "cpu",
}  # fmt: skip


def test_train_alpha_takes_them_and_keeps_them(analysed, tmp_path, tiny_checkpoint, capsys):
    _, keeping = analysed
    words = ["train-alpha", "--generator", str(tiny_checkpoint), "--images", str(tmp_path / "images")]
    for name, value in FEW.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    for more, told in (
        ([], "channels:auto without channels_of"),
        (["--channels-of", str(tiny_checkpoint)], "keeps no channels"),
    ):
        assert main([*words, *more, "--out", str(tmp_path / "no")]) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    words += ["--channels-of", str(keeping), "--out", str(tmp_path / "run")]
    assert main(words) == 0 and main(words) == 0
    found = l4f.load_alpha(tmp_path / "run" / "final").zeroed_channels
    assert found == l4f.load_alpha(keeping).zeroed_channels


def test_distances_to_backgrounds_ask_for_who_keeps_them(tiny_checkpoint):
    settings = EvaluateFrechetSettings(features="f", n=2, switched_off="channels:auto", device="cpu")
    with pytest.raises(UserError, match="channels:auto without --alpha"):
        open_images(f"backgrounds:{tiny_checkpoint}", settings, torch.device("cpu"))
