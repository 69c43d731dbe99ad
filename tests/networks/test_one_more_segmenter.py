"""A segmenter is one file: with it in its folder, every command knows the architecture."""

import json

import pytest

from ..one_file import extended, run

FLAT = '''
"""Two convolutions."""

import torch.nn.functional as F
from torch import nn

from ..segmenter import Segmenter


class Flat(Segmenter):
    name = "flat"
    title = "flat network"
    signs = ("first.weight", "last.weight")

    def __init__(self, *, classes=2, width=8, foreground=None, size=None):
        super().__init__(classes=classes, foreground=foreground, size=size)
        self.width = width
        self.first, self.last = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, classes, 1)

    @classmethod
    def of_shapes(cls, shapes):
        return {"classes": shapes["last.weight"][0], "width": shapes["first.weight"][0]}

    @classmethod
    def of_settings(cls, settings, size):
        return {}

    @property
    def architecture(self):
        return {"classes": self.classes, "width": self.width}

    def forward(self, image):
        return self.last(self.deepest(image))

    def deepest(self, image):
        return F.relu(self.first(image))
'''


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = extended(tmp_path_factory.mktemp("package"), {"networks/segmenters/flat.py": FLAT})
    small = ("--world-images", "32", "--validation", "0.25", "--size", "16", "--batch-size", "4", "--iterations", "2")
    training = ("train-segmenter", "--arch", "flat", "--width", "6", "--shards", "world:vessels", "--out", "run")
    done = run(folder, *training, *small, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    return folder


def inspected(package, what: str) -> dict:
    done = run(package, "inspect", what, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_was_trained_is_recognised_with_its_card_and_without(package):
    (network,) = inspected(package, "run")["networks"]
    assert (network["segmenter"], network["channels"], network["classes"]) == ("flat", [6], 2)
    (package / "alone.safetensors").write_bytes((package / "run/final/segmenter.safetensors").read_bytes())
    found = inspected(package, "alone.safetensors")
    assert found["what"] == "a flat network of 2 classes" and found["layout"] == "state dict"


def test_it_segments_is_measured_and_measures(package):
    done = run(package, "render", "vessels", "--n", "4", "--size", "32", "--out", "shards")
    assert done.returncode == 0, done.stderr
    done = run(package, "segment", "--segmenter", "run", "shards", "--out", "masks", "--device", "cpu")
    assert done.returncode == 0 and len(list((package / "masks").rglob("*.png"))) >= 4, done.stderr
    pytest.importorskip("torchmetrics")
    worlds = ("world:vessels", "generator:vessels64", "--n", "16", "--features", "run", "--device", "cpu")
    done = run(package, "evaluate", "frechet", *worlds)
    assert done.returncode == 0, done.stderr


def test_it_is_offered_and_others_are_not(package):
    assert "[bisenet|flat|unet]" in run(package, "train-segmenter", "--help").stdout
    assert "--arch" in run(package, "train-segmenter", "--arch", "round", "--out", "other").stderr


def test_it_becomes_onnx(package):
    pytest.importorskip("onnxscript")
    done = run(package, "convert", "run", "--out", "flat.onnx")
    assert done.returncode == 0 and (package / "flat.onnx").is_file(), done.stderr
