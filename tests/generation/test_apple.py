"""Apple's GPUs: what is asked of them is float32, from one thread; ``tests.apple`` stands in for one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen import devices, philox
from l4f_datagen.analysis.backgrounds import analyze_backgrounds
from l4f_datagen.cli import main
from l4f_datagen.editing import directions
from l4f_datagen.errors import UserError
from l4f_datagen.generation import models, side_by_side
from l4f_datagen.generation.by_index import SamplesByIndex
from l4f_datagen.networks.segmenters.bisenet import BiSeNet
from l4f_datagen.networks.segmenters.unet import UNet
from l4f_datagen.segmentation.predict import segment
from l4f_datagen.training.core.process_group import Processes
from tests.apple import GPU, apple_gpu

__all__ = ["apple_gpu"]


def generated(settings, **changes):
    drawing = SamplesByIndex(settings.model_copy(update={"device": "mps", **changes}))
    assert drawing.models.device == GPU
    (sample, *_) = drawing.draw(range(2))
    assert sample.image.shape == (16, 16, 3)


def segmented(network, **how):
    found = segment(network(width=4, size=16).eval().to(GPU), np.zeros((3, 40, 32, 3), np.uint8), **how)
    assert found.mask.shape == (3, 40, 32)


PATHS = {
    "generate": lambda s: generated(s),
    "generate with everything": lambda s: generated(
        s, noise="random", refine=2, save=("foreground", "background", "cutout", "w"), blend="mask",
        ignore_band=(0.2, 0.6),
    ),
    "segment with a UNet": lambda s: segmented(UNet),
    "segment with a BiSeNet, tiles": lambda s: segmented(BiSeNet, tile=16, threshold=0.4),
    "directions without labels": lambda s: directions.sefa(l4f.load_generator(s.generator).to(GPU), [0, 1]),
    "principal components": lambda s: directions.pca(l4f.load_generator(s.generator).to(GPU)),
    "analyze backgrounds": lambda s: analyze_backgrounds(l4f.load_generator(s.generator).to(GPU), n=2, batch_size=2),
    "numbers of a training": lambda s: philox.normal(5, 0, "s", range(3), GPU),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_nothing_that_an_apple_gpu_lacks_is_asked_of_it(path, tiny_settings, apple_gpu):
    PATHS[path](tiny_settings)
    assert apple_gpu.seen, "it was asked for something"


def test_the_stand_in_refuses_what_an_apple_gpu_refuses(apple_gpu):
    there = torch.ones(3).to(GPU)
    for wrong in (there.double, there.half, lambda: there + torch.ones(3)):
        with pytest.raises(AssertionError, match="Apple GPU does not have|on the GPU and on the CPU"):
            wrong()
    assert devices.in_float64(there).dtype == torch.float64 and devices.in_float64(there).device.type == "cpu"
    assert there.cpu().tolist() == [0, 0, 0]


def test_it_is_there_where_torch_has_it(monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    assert devices.resolve_device("mps") == torch.device("mps") != devices.resolve_device("auto")


@pytest.mark.parametrize("precision", ["half", "tf32"])
def test_other_arithmetic_than_float32_is_refused(precision, tiny_settings, apple_gpu, monkeypatch):
    asked = tiny_settings.model_copy(update={"device": "mps", "precision": precision})
    with pytest.raises(UserError, match=f"{precision} on .*; expected float32"):
        models.load_models(asked)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr("l4f_datagen.training.core.process_group.resolve_device", lambda name: torch.device("mps"))
    with pytest.raises(UserError, match="bf16 on mps; expected float32"):
        Processes(device="mps", precision="bf16")


def test_one_thread_alone_gives_it_orders(tiny_settings):
    loaded = models.load_models(tiny_settings)
    for kind, count in (("cuda", 2), ("mps", 1)):
        assert side_by_side.workers_for(replace(loaded, device=torch.device(kind)), tiny_settings.batch_size) == count


def absent(words, folder, capsys) -> str:
    assert main([*(word.replace("@", str(folder)) for word in words), "--device", "mps"]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("words", [
    ["segment", "@/in", "--segmenter", "@/net", "--out", "@/o"],
    ["edit", "--direction", "pca:0", "--out", "@"], 
    ["train-segmenter", "--shards", "world:vessels", "--out", "@"],
    ["train-segmenter", "--shards", "generator:vessels64", "--out", "@"],
], ids=lambda words: " ".join(words[:3]))  # fmt: skip
def test_where_there_is_none_it_is_told_as_for_cuda(words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    if words[0] == "segment":
        native_segmenter(tmp_path)
    said = absent(words, tmp_path, capsys)
    assert "device: got mps on a machine with no Apple GPU that this torch can use" in said, said


def native_segmenter(folder) -> None:
    from PIL import Image

    from l4f_datagen.weights import native

    native.save(folder / "net", segmenter=UNet(width=4, size=16))
    (folder / "in").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "in" / "a.png")
