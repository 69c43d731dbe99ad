"""Every line of ``benchmarks.gpu`` works, on tiny networks and a CPU."""

import json

import pytest
from click.testing import CliRunner

from benchmarks import gpu
from benchmarks.on_device.rows import HEADER

NVIDIA = """
import torch
class Generator(torch.nn.Module):
    def __init__(self, z_dim, c_dim, w_dim, resolution, channels, **options):
        super().__init__()
        self.resolution, self.options = resolution, options
    def mapping(self, z, c):
        return z
    def synthesis(self, w, noise_mode, force_fp32, fused_modconv):
        assert noise_mode == "const" and not fused_modconv
        return torch.zeros(len(w), 3, self.resolution, self.resolution)
"""
ROSINALITY = """
import torch
class Generator(torch.nn.Module):
    def __init__(self, size, w_dim, layers, channel_multiplier):
        super().__init__()
    def forward(self, w, input_is_latent, randomize_noise):
        assert input_is_latent and not randomize_noise
        return w[0]
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Output, JSON and exit status of a run with stand-ins for the checkouts."""
    folder = tmp_path_factory.mktemp("gpu")
    (folder / "stylegan3" / "training").mkdir(parents=True)
    (folder / "stylegan3" / "training" / "__init__.py").touch()
    (folder / "stylegan3" / "training" / "networks_stylegan2.py").write_text(NVIDIA)
    (folder / "stylegan2-pytorch").mkdir()
    (folder / "stylegan2-pytorch" / "model.py").write_text(ROSINALITY)
    arguments = ["--device", "cpu", "--quick", "--upstream", str(folder), "--json", str(folder / "rows.json")]
    done = CliRunner().invoke(gpu.main, arguments)
    return done, json.loads((folder / "rows.json").read_text())


def test_every_part_is_measured(measured):
    done, found = measured
    assert done.exit_code == 0, done.output
    assert not [row for row in found["rows"] if "FAILED" in row["note"]]
    parts = {row["part"] for row in found["rows"]}
    assert parts == {"networks", "generate", "train-generator", "train-alpha", "train-segmenter", "upstream"}
    assert all(row["milliseconds"] > 0 for row in found["rows"])
    phases = {row["what"].partition(",")[0] for row in found["rows"] if row["part"] == "train-generator"}
    assert phases == {"discriminator", "R1", "generator", "path lengths", "step"}
    for what in ("all three, half", "all three, float32", "foreground and alpha, half"):
        rows = [row for row in found["rows"] if row["what"] == what]
        assert {row["size"] for row in rows} == {16, 32} and all(row["floor"] > 0 for row in rows)
    assert all(word in done.output for word in HEADER)


def test_what_fails_is_told_and_the_rest_is_measured(monkeypatch):
    def broken(plan, sizes):
        raise RuntimeError("no kernel image")
        yield

    monkeypatch.setattr(gpu.networks, "rows", broken)
    monkeypatch.setattr(gpu.training, "rows", lambda plan: iter([gpu.Row("train-alpha", 16, "step", 1.0)]))
    done = CliRunner().invoke(gpu.main, ["--device", "cpu", "--quick", "--parts", "networks,training"])
    assert done.exit_code == 1
    assert "FAILED: RuntimeError: no kernel image" in done.output and "train-alpha" in done.output
