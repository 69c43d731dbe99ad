"""Every line of ``benchmarks.gpu`` works, on tiny networks and a CPU."""

import json
import sys
import time

import pytest
import torch
from click.testing import CliRunner

from benchmarks import gpu
from benchmarks.on_device import apart
from benchmarks.on_device.rows import HEADER, Row

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
    def broken():
        yield gpu.Row("networks", 16, "half of it", 1.0)
        raise RuntimeError("no kernel image")

    def works():
        yield gpu.Row("train-alpha", 16, "step", 1.0)

    monkeypatch.setattr(gpu.networks, "jobs", lambda plan, sizes: {"networks 16": broken})
    monkeypatch.setattr(gpu.training, "jobs", lambda plan: {"train-alpha, no graphs": works})
    words = ["--device", "cpu", "--quick", "--parts", "networks,training"]
    done = CliRunner().invoke(gpu.main, words)
    assert done.exit_code == 1
    for text in ("half of it", "FAILED: RuntimeError: no kernel image", "train-alpha"):
        assert text in done.output
    late = CliRunner().invoke(gpu.main, [*words, "--minutes", "-1"])
    assert late.exit_code == 1 and late.output.count("LEFT OUT") == 4  # each said at once, and in the table


def test_a_worker_says_what_it_does_and_that_its_device_is_dead(capsys, monkeypatch):
    jobs = {name: lambda name=name: iter([Row(name, 1, "x", 2.0)]) for name in ("a", "b")}
    assert apart.worker(jobs, torch.device("cpu")) == 0
    said = [json.loads(line.removeprefix("@row ")) for line in capsys.readouterr().out.splitlines()]
    assert [next(iter(one)) for one in said] == ["job", "row", "done"] * 2
    monkeypatch.setattr(apart, "_alive", lambda device: False)
    assert apart.worker(jobs, torch.device("cpu")) == apart._DEAD
    assert len(capsys.readouterr().out.splitlines()) == 3


WORKER = """
import json, sys, time
def say(**what): print("@row " + json.dumps(what), flush=True)
print("something else")
for name in sys.argv[1].split(","):
    say(job=name)
    if name == "crash": sys.exit(-11)
    if name == "hang": time.sleep(60)
    say(row={"part": name, "size": 1, "what": "x", "milliseconds": 1.0})
    say(done=name)
    if name == "poison": sys.exit(75)
"""


def test_a_job_that_ends_its_process_or_never_ends_does_not_end_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "JOB_SECONDS", 1.0)
    (tmp_path / "worker.py").write_text(WORKER)
    names = ["a", "crash", "b", "poison", "hang", "c"]
    command = [sys.executable, "-S", str(tmp_path / "worker.py")]
    rows = list(apart.apart(names, command, time.monotonic() + 60))
    assert [row.part for row in rows] == names
    notes = {row.part: row.note for row in rows if row.note}
    assert notes.keys() == {"crash", "hang"} and "ended with" in notes["crash"] and "more than 1 s" in notes["hang"]
    late = list(apart.apart(names, command, time.monotonic() - 1))
    assert [row.part for row in late] == names and all("LEFT OUT" in row.note for row in late)
