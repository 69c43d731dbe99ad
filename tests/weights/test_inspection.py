import dataclasses
import json

import pytest
import torch
from click.testing import CliRunner

from l4f_datagen import resources
from l4f_datagen.cli import convert as convert_command
from l4f_datagen.cli import inspect as inspect_command
from l4f_datagen.errors import UserError
from l4f_datagen.weights import native
from l4f_datagen.weights.inspection import inspect
from l4f_datagen.weights.layouts import registry
from l4f_datagen.weights.pipelines import fitting, resolution_of_alpha

from . import forge


@pytest.mark.parametrize(
    "name, layout, container, parameters, holds",
    [
        ("nvidia-ada-32.pkl", "nvidia", "pickle", 66_723, "D: the discriminator, 72,785 numbers"),
        ("tensorflow-32.pkl", "tensorflow", "pickle", 73_059, "Gs: the averaged generator"),
        ("rosinality-trained-32.pt", "rosinality", "torch file (zip)", 59_459, "g_optim: the generator's optimizer"),
        ("labels4free-own-256.pt", "labels4free", "torch file (zip)", 14_947, "d_optim: the discriminator's optimizer"),
        ("labels4free-repro-512.pt", "labels4free", "torch file (zip)", 12_259, "bg_extractor_ema: the averaged alpha"),
    ],
)
def test_the_golden_files(name, layout, container, parameters, holds, goldens):
    found = inspect(goldens / name)
    assert (found.layout, found.container) == (layout, container)
    assert found.networks[0].parameters == parameters and found.problem is None and not found.looked_for
    assert any(entry.startswith(holds) for entry in found.holds)
    assert found.size == (goldens / name).stat().st_size


def test_architecture(goldens):
    network = inspect(goldens / "nvidia-ada-32.pkl").networks[0]
    assert (network.resolution, network.channels) == (32, (32, 32, 32, 16))
    assert (network.z_dim, network.w_dim, network.mapping_layers, network.conv_clamp) == (32, 32, 2, 1.5)
    assert inspect(goldens / "labels4free-own-256.pt").networks[0].resolution == 256


@pytest.mark.parametrize(
    "channels, size",
    [
        ((512, 512, 512, 512, 256, 128), 256),
        ((512, 512, 512, 256, 128, 64), 512),
        ((512, 512, 256, 128, 64, 32), 1024),
        ((128, 96, 64, 32), None),
        ((512, 512, 512, 512, 256, 100), None),
    ],
)
def test_the_size_that_an_alpha_network_is_for(channels, size):
    assert resolution_of_alpha(channels) == size


@pytest.fixture
def pipelines(tmp_path, monkeypatch):
    """Four pipeline files, one of them broken, beside the embedded checkpoints."""
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "small.yaml").write_text("generate:\n  resolution: 32\n")
    (folder / "cat.yaml").write_text("resolution: 256\nalpha:\n  first_resolution: 8\n")
    (folder / "faces.yaml").write_text("resolution: 256\nalpha:\n  first_resolution: 32\n")
    (folder / "vessels.yaml").write_text("generator: vessels\nalpha: vessels\n")
    (folder / "broken.yaml").write_text("a: [\n")
    real = resources.folder
    monkeypatch.setattr(resources, "folder", lambda name: folder if name == "pipelines" else real(name))


def test_the_pipelines_that_fit(pipelines, goldens):
    assert inspect(goldens / "nvidia-ada-32.pkl").pipelines == ("small",)
    assert inspect(goldens / "labels4free-own-256.pt").pipelines == ("cat",)
    assert inspect(goldens / "labels4free-own-512.pt").pipelines == ()
    assert inspect("vessels").pipelines == ("vessels",)
    assert fitting("generator", 256, ()) == ["cat", "faces"]


def test_an_unknown_file_tells_what_was_looked_for(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "other.pt")
    found = inspect(tmp_path / "other.pt")
    assert found.layout == "unknown" and found.looked_for[1:] == registry.signs() and "epoch" in found.what
    assert found.problem and not found.networks


def test_a_network_that_cannot_be_used_is_named(tmp_path):
    content = {"G_ema": forge.nvidia_network(forge.generator(), c_dim=3)}
    (tmp_path / "network.pkl").write_bytes(forge.nvidia_bytes(content))
    found = inspect(tmp_path / "network.pkl")
    assert "class-conditional" in found.what and found.layout == "nvidia" and not found.networks


def test_a_native_folder(tmp_path):
    native.save(tmp_path, generator=forge.generator(), card={"licence": "MIT"})
    found = inspect(tmp_path)
    assert found.layout == "native" and found.licence == "MIT" and set(found.sha256) == {"generator.safetensors"}


def test_weights_that_are_not_finite(tmp_path):
    made = forge.generator()
    made.layers[2].bias[0] = float("nan")
    native.save(tmp_path, generator=made)
    with pytest.raises(UserError, match="layers.2.bias"):
        inspect(tmp_path)
    assert inspect(tmp_path, allow_nan=True).networks[0].not_finite == "layers.2.bias"


def _run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_the_inspect_command(goldens, tmp_path):
    result = _run(inspect_command.command, goldens / "nvidia-ada-32.pkl")
    assert result.exit_code == 0
    for text in ("a StyleGAN2 generator for 32 px", "66,723 parameters", "conv_clamp 1.5", "the discriminator"):
        assert text in result.output
    told = json.loads(_run(inspect_command.command, goldens / "nvidia-ada-32.pkl", "--json").output)
    assert told == json.loads(json.dumps(dataclasses.asdict(inspect(goldens / "nvidia-ada-32.pkl"))))
    torch.save({"[bold]\x1b[31m": 3}, tmp_path / "other.pt")
    assert "\x1b" not in _run(inspect_command.command, tmp_path / "other.pt").output
    with pytest.raises(UserError):
        _run(inspect_command.command, tmp_path / "none.pt")


def test_the_convert_command(goldens, tmp_path):
    result = _run(convert_command.command, goldens / "nvidia-plain-32.pkl", "--out", tmp_path / "made")
    assert result.exit_code == 0 and "run once each: largest difference" in result.output
    told = json.loads(_run(convert_command.command, tmp_path / "made", "--out", tmp_path / "a.pt", "--json").output)
    assert told["target"] == "rosinality" and told["networks"] == ["generator"]
    with pytest.raises(UserError, match="--overwrite"):
        _run(convert_command.command, tmp_path / "made", "--out", tmp_path / "a.pt")
