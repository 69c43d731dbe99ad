"""Another package adds a format, a segmenter, a family of checkpoints and a world: one module and four lines."""

import json
import os

import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.kinds import GROUPS
from l4f_datagen.networks import segmenters
from l4f_datagen.networks.segmenters.unet import UNet

from . import forked

EXTRA = """
import numpy as np
from torch import nn
from l4f_datagen.export.target import Target
from l4f_datagen.networks.segmenter import Segmenter
from l4f_datagen.networks.wrapped import Wrapped
from l4f_datagen.storage import atomic
from l4f_datagen.weights.assembly.assemble import build_generator, settled
from l4f_datagen.weights.family import Family
from l4f_datagen.weights.layouts.layout import Layout
from l4f_datagen.weights.pickle.tensors import load_tensor
from l4f_datagen.worlds.rendering import Rendering

class Areas(Target):
    def add(self, item):
        atomic.write_part(self.folder / f"{item.key}.txt", str((item.mask == 1).sum()).encode())

    def contents(self):
        return {"*.txt": "pixels of the foreground"}

class Line(Segmenter):
    name, title, signs = "line", "linear network", ("first.weight", "last.weight")

    def __init__(self, *, classes=2, width=8, foreground=None, size=None):
        super().__init__(classes=classes, foreground=foreground, size=size)
        self.width, self.first, self.last = width, nn.Conv2d(3, width, 1), nn.Conv2d(width, classes, 1)

    @classmethod
    def of_shapes(cls, shapes):
        return {"classes": shapes["last.weight"][0], "width": shapes["first.weight"][0]}

    @classmethod
    def of_settings(cls, settings, size):
        return {}

    architecture = property(lambda self: {"classes": self.classes, "width": self.width})

    def forward(self, image):
        return self.last(self.first(image))

    def deepest(self, image):
        return self.first(image)

class Stack(Wrapped):
    def ask(self, image):
        return self.model(image)

    ask_deepest = ask

class Stacks(Family):
    forms = "a number of layers"

    def begin(self, what, *, classes, size):
        return self.again({"name": f"stacks:{what}", "classes": classes}, foreground=None, size=size), ()

    def again(self, architecture, *, foreground, size):
        name, classes = architecture["name"], architecture["classes"]
        layers = [nn.Conv2d(3, 3, 1) for _ in range(int(name.partition(":")[2]))]
        return Stack(nn.Sequential(*layers, nn.Conv2d(3, classes, 1)), name=name, title="stack", classes=classes,
                     configuration={}, foreground=foreground, size=size)

def read(content):
    return build_generator({name[4:]: settled(load_tensor(value), name) for name, value in content.items()}), ()

LAYOUT = Layout(name="dashed", kind="generator", held="a dashed generator", asked="the dashed layout (net-)",
                signs="names that begin with net-", read=read,
                recognises=lambda content: isinstance(content, dict) and "net-constant" in content)

def render(*, seed, index, size):
    alpha = np.where(np.arange(size)[:, None] + np.arange(size) < size, 255, 0).astype(np.uint8)
    scene = np.full((size, size, 3), 40 + index % 9, np.uint8)
    image = np.where(alpha[..., None], 200, scene).astype(np.uint8)
    return Rendering(image=image, alpha=alpha, background=scene, instances=1)
"""
NAMES = {
    "export.formats": "areas", "networks.segmenters": "line", "weights.families": "stacks", "weights.layouts": "dashed",
    "worlds": "corners",
}  # fmt: skip


def installed(folder, module: str, names=NAMES):
    """A package as pip leaves it."""
    (folder / "l4f_extra.py").write_text(module)
    info = folder / "l4f_extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: l4f-extra\nVersion: 1.0\n")
    groups = [f"[{group}]\n{names[package]} = l4f_extra\n" for package, group in GROUPS.items()]
    (info / "entry_points.txt").write_text("\n".join(groups))

    def run(*words, code=0):
        environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{forked.ROOT}", "OMP_NUM_THREADS": "1"}
        done = forked.run([*map(str, words)], folder, environment)
        assert done.returncode == code, done.stderr
        return done

    return run


def test_every_group_has_a_name_here():
    assert NAMES.keys() == GROUPS.keys() and GROUPS["networks.segmenters"] == segmenters.GROUP


def test_another_package_adds_kinds(tmp_path):
    run = installed(tmp_path, EXTRA)
    run("render", "corners", "--n", 4, "--size", 16, "--out", "shards")
    run("export", "shards", "--format", "areas", "--out", "areas")
    assert {path.read_text() for path in (tmp_path / "areas").glob("*.txt")} == {str(16 * 17 // 2)}
    words = ("--world-images", 16, "--size", 16, "--batch-size", 4, "--iterations", 2)
    for arch in ("line", "stacks:2"):
        training = ("train-segmenter", "--arch", arch, "--shards", "world:corners", "--validation", 0.25)
        run(*training, *words, "--out", arch)
        (network,) = json.loads(run("inspect", arch, "--json").stdout)["networks"]
        assert network["segmenter"] == arch
    state = weights.load_generator("vessels64").state_dict()
    torch.save({f"net-{name}": tensor for name, tensor in state.items()}, tmp_path / "dashed.pt")
    assert json.loads(run("inspect", "dashed.pt", "--json").stdout)["layout"] == "dashed"


@pytest.mark.parametrize("module", ["raise ImportError('no such thing')", "def ("])
def test_a_package_that_is_broken_is_told_and_hurts_nothing_else(tmp_path, module):
    run = installed(tmp_path, module)
    run("render", "vessels", "--n", 1, "--size", 16, "--out", "shards")
    told = run("export", "shards", "--format", "areas", "--out", "areas", code=2).stderr
    assert "areas of l4f-extra" in told and told.count("\n") == 1
    assert "corners of l4f-extra" in run("render", "corners", "--n", 1, "--size", 16, "--out", "x", code=2).stderr
    torch.save(UNet(classes=2, width=4, depth=1).state_dict(), tmp_path / "unet.pt")
    told = run("inspect", "unet.pt").stderr
    assert "dashed of l4f-extra" in told and "line of l4f-extra" in told


def test_a_name_that_is_taken_keeps_its_meaning_and_is_told(tmp_path):
    taken = {"export.formats": "coco", "networks.segmenters": "unet", "weights.families": "hf",
             "weights.layouts": "nvidia", "worlds": "vessels"}  # fmt: skip
    run = installed(tmp_path, EXTRA.replace('"line", "linear', '"unet", "linear'), taken)
    told = run("render", "vessels", "--n", 1, "--size", 16, "--out", "shards").stderr
    assert "vessels of l4f-extra is left out: this program has that name" in told
    assert "coco of l4f-extra" in run("export", "shards", "--format", "coco", "--out", "coco").stderr
    assert (tmp_path / "coco" / "annotations").is_dir()
    torch.save(UNet(classes=2, width=4, depth=1).state_dict(), tmp_path / "unet.pt")
    inspected = run("inspect", "unet.pt", "--json")
    assert json.loads(inspected.stdout)["networks"][0]["segmenter"] == "unet"
    assert "unet of l4f_extra is left out: that name is taken" in inspected.stderr
