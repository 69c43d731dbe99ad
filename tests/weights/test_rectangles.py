"""Generators of rectangular images, in every layout: read, told, converted; refused where only squares will do."""

import json
from dataclasses import replace

import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.experiment.results import resolution_of
from l4f_datagen.networks.alpha import AlphaNetwork
from l4f_datagen.projection.models import load_models
from l4f_datagen.settings import TrainEncoderSettings
from l4f_datagen.training.encoder.train import train_encoder
from l4f_datagen.training.generator.start import open_trained
from l4f_datagen.weights import native
from l4f_datagen.weights.conversion.convert import convert
from l4f_datagen.weights.inspection import inspect
from l4f_datagen.weights.layouts import rosinality
from tests.conftest import RECTANGLES, TINY, tiny_generator

from . import forge


def made_of(name: str):
    # rosinality's layout has one width for z and w.
    return tiny_generator(replace(RECTANGLES[name], z_dim=6))


def _without_noise(state):
    return {name: tensor for name, tensor in state.items() if "noise" not in name or name.endswith("noise.weight")}


def _save(layout, made, path):
    if layout == "nvidia, pickled":
        path.write_bytes(forge.nvidia_bytes({"G_ema": forge.nvidia_network(made)}))
    else:
        torch.save(LAYOUTS[layout](made), path)


LAYOUTS = {
    "rosinality": lambda made: rosinality.state_dict(made) | {"latent_avg": made.w_avg},
    "rosinality, the first version": lambda made: _without_noise(rosinality.state_dict(made)),
    "nvidia": lambda made: {"G_ema": forge.nvidia_state(made)},
    "nvidia, without noise": lambda made: _without_noise(forge.nvidia_state(made)),
    "ours": lambda made: made.state_dict(),
}


@pytest.mark.parametrize("layout", [*LAYOUTS, "nvidia, pickled"])
@pytest.mark.parametrize("name", RECTANGLES)
def test_every_layout_is_read_with_its_shape(name, layout, tmp_path):
    made = made_of(name)
    _save(layout, made, tmp_path / "file.pt")
    found = weights.load_generator(tmp_path / "file.pt")
    assert found.architecture.size == made.architecture.size
    noise = "const" if layout in ("rosinality", "nvidia", "nvidia, pickled", "ours") else "none"
    w = torch.randn(2, 6)
    torch.testing.assert_close(found.synthesize(w).image, made.synthesize(w, noise).image, atol=1e-5, rtol=1e-5)
    told = inspect(tmp_path / "file.pt")
    assert told.what == f"a StyleGAN2 generator for {name}" and told.pipelines == ()
    assert (told.networks[0].resolution, told.networks[0].size) == (None, made.architecture.size)


@pytest.mark.parametrize("name", RECTANGLES)
def test_conversions_keep_the_shape(name, tmp_path):
    made = made_of(name)
    torch.save(LAYOUTS["rosinality"](made), tmp_path / "file.pt")
    convert(tmp_path / "file.pt", tmp_path / "native")
    convert(tmp_path / "native", tmp_path / "again.pt")
    w = torch.randn(2, 6)
    for file in ("native", "again.pt"):
        image = weights.load_generator(tmp_path / file).synthesize(w).image
        torch.testing.assert_close(image, made.synthesize(w).image)
    stated = native.read_card(tmp_path / "native")["generator"]["architecture"]
    assert stated["size"] == list(made.architecture.size) and stated["constant"] == list(made.architecture.constant)
    assert "resolution" not in stated
    pixels = made.architecture.size[0] * made.architecture.size[1]
    assert resolution_of(str(tmp_path / "native")) == round(pixels**0.5)


def test_cards_of_squares_say_what_they_said(tmp_path):
    native.save(tmp_path / "native", generator=tiny_generator())
    assert json.loads((tmp_path / "native" / "model.json").read_text())["generator"]["architecture"] == {
        "resolution": 16, "channels": [12, 12, 8], "z_dim": 6, "w_dim": 10, "mapping_layers": 2, "conv_clamp": None,
    }  # fmt: skip
    assert resolution_of(str(tmp_path / "native")) == 16


def test_squares_may_grow_from_other_sizes(tmp_path):
    made = tiny_generator(replace(TINY, constant=(5, 5)))
    native.save(tmp_path / "native", generator=made)
    assert inspect(tmp_path / "native").what == "a StyleGAN2 generator for 20 px"
    assert native.read_card(tmp_path / "native")["generator"]["architecture"]["constant"] == [5, 5]
    w = torch.randn(1, 10)
    torch.testing.assert_close(
        weights.load_generator(tmp_path / "native").synthesize(w).image, made.synthesize(w).image
    )
    with pytest.raises(UserError, match="grow from 4×4 pixels"):
        open_trained(str(tmp_path / "native"))


WORKS = {
    "train-generator": open_trained,
    "project": lambda path: load_models(path, None, "cpu"),
    "train-encoder": lambda path: train_encoder(TrainEncoderSettings(generator=path, device="cpu"), f"{path}-run"),
}


@pytest.mark.parametrize("work", WORKS)
def test_what_takes_squares_alone_says_so(work, tmp_path):
    native.save(tmp_path / "native", generator=made_of("32×16 px"))
    with pytest.raises(UserError, match="one of 32×16 px, whose coarsest level has 8×4 pixels; expected square images"):
        WORKS[work](str(tmp_path / "native"))
    assert not (tmp_path / "native-run").exists()


def test_an_alpha_network_of_others_is_refused_with_the_size(tmp_path):
    native.save(tmp_path / "native", generator=made_of("16×32 px"))
    native.save(tmp_path / "alpha", alpha=AlphaNetwork((3, 2)))
    with pytest.raises(UserError, match="16×32 px"):
        weights.read_pair(str(tmp_path / "native"), str(tmp_path / "alpha"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda constant: torch.cat([constant] * 2, -1), "layers.0.noise has shape"),
        (lambda constant: constant.repeat(1, 8, 8), "constant has shape"),
        (lambda constant: constant[:, :0], "constant has shape"),
        (lambda constant: constant[0], "constant has shape"),
    ],
)
@pytest.mark.parametrize("layout", ["rosinality", "nvidia", "ours"])
def test_a_constant_that_is_none_is_told(layout, change, said, tmp_path):
    made = tiny_generator(replace(TINY, z_dim=10))
    state = LAYOUTS[layout](made)
    inner = state.get("G_ema", state)
    for name, tensor in inner.items():
        if name in ("input.input", "synthesis.b4.const", "constant"):
            changed = change(tensor[0] if name == "input.input" else tensor)
            inner[name] = changed[None] if name == "input.input" else changed
    torch.save(state, tmp_path / "file.pt")
    with pytest.raises(UserError, match=said):
        weights.load_generator(tmp_path / "file.pt")
