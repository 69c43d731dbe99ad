"""Curated backgrounds, from the training of an alpha network to samples: which channels are zeroed, and who knows."""

import dataclasses
import json

import numpy as np
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen import weights
from l4f_datagen.analysis.channels import find_channels
from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.generation.drawing import draw
from l4f_datagen.generation.models import load_models
from l4f_datagen.networks.pixels import image_to_uint8
from l4f_datagen.settings import GenerateSettings
from l4f_datagen.weights import native
from l4f_datagen.weights.switching import switched_off
from tests.conftest import tiny_generator
from tests.training.conftest import write_pictures

FEW = {
    "preset": "paper", "first_resolution": 8, "iterations": 2, "batch_size": 4, "minibatch_group": 2, "psi": 0.8,
    "checkpoint_every": 1, "switched_off": "channels:0.60", "crops": "plain", "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory, tiny_checkpoint):
    """A pipeline of train-alpha and generate, both with the share of channels."""
    folder = tmp_path_factory.mktemp("ran")
    write_pictures(folder / "images", 6)
    training = {"generator": str(tiny_checkpoint), "images": str(folder / "images"), **FEW}
    making = {"generator": str(tiny_checkpoint), "n": 3, "device": "cpu", "switched_off": "channels:0.6"}
    making |= {"save": ["background"], "image_format": "png"}
    (folder / "p.yaml").write_text(json.dumps({"train-alpha": training, "generate": making}))
    assert main(["run", str(folder / "p.yaml"), "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_what_was_found_is_kept_and_drawn(ran, tiny_checkpoint):
    kept = l4f.load_alpha(ran / "alpha" / "final").zeroed_channels
    generator = l4f.load_generator(tiny_checkpoint)
    assert kept == find_channels(generator, 0.6, crops="plain", psi=0.8)
    looked_at = kept.sizes[1:4]
    assert kept.count == round(0.6 * sum(looked_at)) and not any(kept.channels[0] + kept.channels[4])
    assert l4f.load_alpha(ran / "alpha" / "checkpoints" / "000001").zeroed_channels == kept
    # A file without its card, and whatever else is made of the network, keeps them too.
    assert l4f.load_alpha(ran / "alpha" / "final" / "alpha.safetensors").zeroed_channels == kept
    settings = GenerateSettings(
        generator=str(tiny_checkpoint), alpha=str(ran / "alpha" / "final"), switched_off="channels:0.6", device="cpu"
    )
    drawn = draw(settings, load_models(settings), {"seed": 0, "indices": range(3), "numbers": [0] * 3})
    expected = generator.background(drawn.w["background"], switched_off=kept)
    torch.testing.assert_close(drawn.background, expected)
    assert (expected - generator.background(drawn.w["background"])).abs().max() > 0.01
    stored = [sample.background for sample in l4f.open_dataset(ran / "shards")]
    assert np.abs(np.stack(stored).astype(int) - image_to_uint8(expected).numpy()).max() <= 1


def test_other_shares_and_networks_without_channels_are_refused(ran, tiny_checkpoint, capsys, tmp_path):
    arguments = ["generate", "--generator", str(tiny_checkpoint), "--n", "2", "--out", str(tmp_path / "o")]
    for alpha, share, words in (
        (ran / "alpha" / "final", "0.5", ["channels:0.5", "keeps those of channels:0.6"]),
        (tiny_checkpoint, "0.6", ["keeps no channels", "train one with --switched-off channels:0.6"]),
    ):
        assert main([*arguments, "--alpha", str(alpha), "--switched-off", f"channels:{share}"]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1 and all(word in message for word in words), message
    assert not (tmp_path / "o").exists()


def test_channels_of_another_generator_are_refused(tmp_path, tiny_checkpoint):
    kept = find_channels(tiny_generator(), 0.5)
    narrow = dataclasses.replace(kept, sizes=(5, *kept.sizes[1:]), channels=((), *kept.channels[1:]))
    alpha = l4f.load_alpha(tiny_checkpoint)
    native.save(tmp_path / "alpha", alpha=alpha.keeping(narrow))
    with pytest.raises(UserError, match="zeroed channels of activations of 5, "):
        weights.read_pair(str(tiny_checkpoint), str(tmp_path / "alpha"))
    native.save(tmp_path / "alpha", alpha=alpha.keeping(kept))
    assert weights.read_pair(str(tiny_checkpoint), str(tmp_path / "alpha"))[1][0].zeroed_channels == kept


@pytest.mark.parametrize("command", ["generate", "train-alpha"])
@pytest.mark.parametrize(
    "value", ["channels", "channels:", "channels:1.01", "channels:-0.1", "channels:nan", "channels:x", "second", ""]
)
def test_spellings_that_are_none(capsys, tmp_path, command, value):
    assert main([command, "--switched-off", value, "--out", str(tmp_path / "o")]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "channels:SHARE with a share from 0 to 1" in message, message


@pytest.mark.parametrize(
    ("value", "kept"),
    [("constant", "constant"), (" channels:auto", "channels:auto"), (" channels:0.60 ", "channels:0.6"),
     ("channels:1", "channels:1"), ("channels:0", "channels:0")],
)  # fmt: skip
def test_one_spelling_is_kept(value, kept):
    assert GenerateSettings(switched_off=value).switched_off == kept


def test_a_layer_needs_nothing_of_the_alpha_network():
    assert switched_off("constant", None, "a") == "constant"
    assert switched_off("first_convolution", None, "a") == "first_convolution"
