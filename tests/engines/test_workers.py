"""One process per device; two processes on the CPU here, since every machine has one."""

import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
from pathlib import Path

import pytest

from l4f_datagen.cli import main
from l4f_datagen.engines import local, ray
from l4f_datagen.engines.description import arithmetic, describe, describe_for
from l4f_datagen.engines.job import Job
from l4f_datagen.engines.local import generate
from l4f_datagen.engines.maker import ShardMaker
from l4f_datagen.engines.sending import packed
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.generation.models import load_models
from l4f_datagen.settings import EngineSettings
from l4f_datagen.shards import folder
from l4f_datagen.shards.format import layout
from l4f_datagen.storage.opening import open_store
from tests import forked
from tests.detectors import lists
from tests.engines.test_filters import bright, dark
from tests.processes import PATIENCE, running, until
from tests.torture import command, fingerprints


def test_two_processes_write_the_same_bytes(tmp_path, tiny_settings, monkeypatch):
    """Those of one process, though both ask a function which candidates are good."""
    forked.workers(monkeypatch)
    settings, reports, judged = tiny_settings.model_copy(update={"n": 95}), [], {"reference": bright}
    progress = generate(settings, tmp_path / "two" / "set", devices=("cpu", "cpu"), report=reports.append, **judged)
    generate(settings, tmp_path / "one" / "set", **judged)
    assert fingerprints(tmp_path / "two" / "set") == fingerprints(tmp_path / "one" / "set")
    assert progress == reports[-1] and (progress.made, progress.to_make, progress.samples) == (95, 95, 95)
    assert [r.made for r in reports] == sorted(r.made for r in reports)
    assert generate(settings, tmp_path / "two" / "set", devices=("cpu", "cpu"), **judged).made == 0


def test_a_process_that_dies_ends_the_run(tmp_path, tiny_settings, monkeypatch):
    forked.workers(monkeypatch)
    settings, killed = tiny_settings.model_copy(update={"n": 20_000, "samples_per_shard": 100}), []

    def kill(progress):
        if progress.made and not killed:
            killed.append(multiprocessing.active_children()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(WorkError, match="the process on cpu ended .SIGKILL.*run the same command again"):
        generate(settings, tmp_path / "set", devices=("cpu", "cpu"), report=kill)
    assert not multiprocessing.active_children()
    assert (tmp_path / "set" / layout.DATASET).exists() and not (tmp_path / "set" / layout.METADATA).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_interrupted_processes_leave_finished_shards_and_nothing_else(tmp_path, tiny_settings, number):
    settings, out = tiny_settings.model_copy(update={"n": 100_000, "samples_per_shard": 50}), tmp_path / "set"
    with running(command(settings, out, "--devices", "cpu,cpu"), stderr=subprocess.PIPE, text=True) as process:
        until(lambda: len(list(out.glob("*_stats.json"))) >= 3, process)
        os.killpg(process.pid, number)  # a terminal and a scheduler tell all processes
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    *progress, last = errors.splitlines()
    assert "interrupted" in last and all(" samples " in line for line in progress), errors
    assert not list(out.glob(".*"))


def job(settings, out: Path, reference=None) -> Job:
    models = load_models(settings)
    description = describe(settings, models, reference)
    told = arithmetic(settings, models).as_json()
    del told["versions"]  # which the description tells
    folder.open_for_writing(out, {**description, "arithmetic": told})
    return Job(settings, open_store(out), description, packed(reference))


def refusal(job: Job) -> Exception | None:
    maker = ShardMaker(job)
    try:
        while not ((news := maker.news(10)).ready or news.error):
            pass
        return news.error
    finally:
        maker.stop()


def test_a_worker_refuses_what_the_driver_does_not_see(tmp_path, tiny_settings):
    good = job(tiny_settings, tmp_path / "set")
    assert refusal(good) is None
    nowhere = dataclasses.replace(good, out=open_store(tmp_path / "nowhere"))
    assert "no data set" in str(refusal(nowhere)) and "all nodes reach" in str(refusal(nowhere))
    other = job(tiny_settings.model_copy(update={"seed": 7}), tmp_path / "other")
    elsewhere = dataclasses.replace(good, out=other.out)
    assert "another data set" in str(refusal(elsewhere))
    torch_there = good.description | {"versions": good.description["versions"] | {"torch": "1.0"}}
    error = refusal(dataclasses.replace(good, description=torch_there))
    assert isinstance(error, UserError) and "torch on" in str(error) and "expected 1.0, as for the driver" in str(error)


def test_a_reference_reaches_the_workers_or_says_why_not(tmp_path, tiny_settings):
    """A function that both can import, the same one; what cannot be sent is refused before any work."""
    good = job(tiny_settings, tmp_path / "set", bright)
    assert refusal(good) is None
    error = refusal(dataclasses.replace(good, reference=packed(dark)))
    assert "reference on" in str(error) and "test_filters.bright, as for the driver" in str(error)
    missing = packed(bright).replace(b"tests.engines.test_filters", b"tests.engines.test_nothing")
    error = refusal(dataclasses.replace(good, reference=missing))
    assert isinstance(error, UserError) and "another process cannot import" in str(error)
    assert "module of its own, not into a notebook" in str(error)

    def within(image, alpha, mask):
        return True

    with pytest.raises(UserError, match="cannot be sent to other processes.*at the top of a module, or use one device"):
        generate(tiny_settings, tmp_path / "none", devices=("cpu", "cpu"), reference=within)
    with pytest.raises(UserError, match="cannot be sent to other processes"):
        ray.generate(tiny_settings, tmp_path / "none", EngineSettings(engine="ray"), reference=within)
    assert not (tmp_path / "none").exists()


def test_a_worker_makes_what_it_is_given_whenever_that_is(tmp_path, tiny_settings):
    """With a detector, which every worker opens by its path."""
    pytest.importorskip("onnx")
    judged = {"reference": lists(tmp_path / "d.onnx"), "object_area": 0.3}
    settings = tiny_settings.model_copy(update={"n": 45, **judged})
    maker, done = ShardMaker(job(settings, tmp_path / "a" / "set")), []
    for shards in ((3,), (4, 0, 1), (2,)):
        for shard in shards:
            maker.give(shard)
        while not set(shards) <= set(done):
            news = maker.news(10)
            assert news.error is None
            done += news.done
    maker.stop()
    assert done == [3, 4, 0, 1, 2]
    generate(settings, tmp_path / "b" / "set")
    whole, made = fingerprints(tmp_path / "b" / "set"), fingerprints(tmp_path / "a" / "set")
    assert made == {name: value for name, value in whole.items() if name not in layout.FINAL}
    counts = json.loads((tmp_path / "a" / "set" / layout.stats(0)).read_text())["rejected"]
    assert set(counts) == {"reference: several objects"}


def test_which_devices_a_setting_allows(monkeypatch, tiny_settings):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    allowed = {
        device: local.visible_devices(tiny_settings.model_copy(update={"device": device}))
        for device in ("auto", "cuda", "cuda:1", "cpu")
    }
    both = ("cuda:0", "cuda:1")
    assert allowed == {"auto": both, "cuda": both, "cuda:1": ("cuda:1",), "cpu": ("cpu",)}
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert local.visible_devices(tiny_settings.model_copy(update={"device": "auto"})) == ("cuda",)


def test_where_it_was_made_is_not_part_of_a_data_set(tiny_settings):
    described = [describe_for(tiny_settings, device) for device in ("cuda", "cuda:1")]
    assert described[0]["identity"] == described[1]["identity"]
    here = describe(tiny_settings, load_models(tiny_settings))
    assert describe_for(tiny_settings, "cpu") == here
    assert here["identity"] != described[0]["identity"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--devices", "gpu0"], ["devices: got 'gpu0'", "numbers of GPUs"]),
        (["--devices", "cpu,0"], ["not both"]),
        (["--devices", "61,62"], ["cuda:61", "no CUDA device"]),
        (["--workers", "2"], ["workers", "--engine local"]),
        (["--ray-address", "auto"], ["ray_address", "--engine local"]),
        (["--engine", "ray", "--devices", "cpu,cpu"], ["devices", "--engine ray"]),
        (["--engine", "ray", "--workers", "0"], ["workers: got '0'"]),
        (["--engine", "slurm"], ["slurm", "local", "ray"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_mistakes(capsys, tmp_path, flags, words):
    assert main(["generate", "--out", str(tmp_path / "set"), *flags]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and all(word in error for word in words), error
    assert not (tmp_path / "set").exists()


def test_names_of_devices():
    assert EngineSettings(devices="0, 2").devices == ("cuda:0", "cuda:2")
    assert EngineSettings(devices="cpu,cpu").devices == ("cpu", "cpu")
    assert EngineSettings(devices="cuda:1").devices == ("cuda:1",)
