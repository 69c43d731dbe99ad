"""A segmenter is one file: with it in its folder, every command knows the architecture."""

import json

import pytest

from ..throwaway import Contribution

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
    package = Contribution(tmp_path_factory.mktemp("package"), {"networks/segmenters/flat.py": FLAT})
    small = ("--world-images", "32", "--validation", "0.25", "--size", "16", "--batch-size", "4", "--iterations", "2")
    training = ("train-segmenter", "--arch", "flat", "--width", "6", "--shards", "world:vessels", "--out", "run")
    package.run(*training, *small, "--device", "cpu")
    return package


def inspected(package, what: str) -> dict:
    return json.loads(package.run("inspect", what, "--json").stdout)


def test_what_was_trained_is_recognised_with_its_card_and_without(package):
    (network,) = inspected(package, "run")["networks"]
    assert (network["segmenter"], network["channels"], network["classes"]) == ("flat", [6], 2)
    place = package.place
    (place / "alone.safetensors").write_bytes((place / "run/final/segmenter.safetensors").read_bytes())
    found = inspected(package, "alone.safetensors")
    assert found["what"] == "a flat network of 2 classes" and found["layout"] == "state dict"


def test_it_segments_is_measured_and_measures(package):
    package.run("render", "vessels", "--n", "4", "--size", "32", "--out", "shards")
    package.run("segment", "--segmenter", "run", "shards", "--out", "masks", "--device", "cpu")
    assert len(list((package.place / "masks").rglob("*.png"))) >= 4
    pytest.importorskip("torchmetrics")
    worlds = ("world:vessels", "generator:vessels64", "--n", "16", "--features", "run", "--device", "cpu")
    package.run("evaluate", "frechet", *worlds)


def test_it_is_offered_and_others_are_not(package):
    assert "[bisenet|flat|unet|unet-resnet18|hf:…|smp:…]" in package.run("train-segmenter", "--help").stdout
    assert "--arch" in package.run("train-segmenter", "--arch", "round", "--out", "other", code=2).stderr


def test_it_becomes_onnx(package):
    pytest.importorskip("onnxscript")
    package.run("convert", "run", "--out", "flat.onnx")
    assert (package.place / "flat.onnx").is_file()
