"""Segmenters of segmentation_models_pytorch, where it and a torchvision that goes with this torch are installed."""

import sys

import pytest
import torch

import l4f_datagen as l4f
from l4f_datagen.errors import UserError
from l4f_datagen.settings import TrainSegmenterSettings
from l4f_datagen.training.segmenter.train import train_segmenter
from l4f_datagen.weights.inspection import inspect

from ..test_imagenet import classifier


@pytest.fixture(scope="module")
def smp():
    try:
        import segmentation_models_pytorch
    except Exception as error:  # a torchvision for another torch raises what it likes
        pytest.skip(f"segmentation_models_pytorch cannot be imported: {error}")
    return segmentation_models_pytorch


@pytest.fixture
def settings():
    return TrainSegmenterSettings(
        shards=("world:vessels",), world_images=16, validation="0.25", size=32, arch="smp:unet/resnet18", iterations=2,
        batch_size=4, device="cpu",
    )  # fmt: skip


def test_a_run_begins_with_a_file_says_what_it_is_and_is_used_like_any_other(smp, settings, tmp_path):
    tensors = classifier(64)
    torch.save(tensors, tmp_path / "resnet18.pth")
    begun = settings.model_copy(update={"encoder": str(tmp_path / "resnet18.pth"), "learning_rate": 1e-9})
    train_segmenter(begun, tmp_path / "run")
    found = inspect(tmp_path / "run")
    assert found.what == "a Unet on resnet18 of 2 classes" and found.networks[0].segmenter == "smp:Unet/resnet18"
    network = l4f.load_segmenter(tmp_path / "run")
    torch.testing.assert_close(network.pretrainable.state_dict()["conv1.weight"], tensors["conv1.weight"])
    assert network(torch.randn(1, 3, 33, 47)).shape == (1, 2, 33, 47)
    assert network.deepest(torch.randn(1, 3, 64, 64)).shape == (1, 512, 2, 2)


@pytest.mark.parametrize("arch", ["smp:Nothing/resnet18", "smp:Unet", "smp:Unet/nothing", "smp:Unet/tu-hf_hub:a/b"])
def test_names_of_nothing_are_told(smp, settings, arch, tmp_path):
    with pytest.raises(UserError, match="arch: got smp:"):
        train_segmenter(settings.model_copy(update={"arch": arch}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_the_library_its_extra_is_named(settings, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(UserError, match="the extra `smp`"):
        train_segmenter(settings, tmp_path / "run")


@pytest.mark.slow
def test_it_becomes_onnx(smp, settings, tmp_path):
    from l4f_datagen.weights.conversion.convert import convert

    pytest.importorskip("onnxscript")
    train_segmenter(settings, tmp_path / "run")
    assert convert(tmp_path / "run", tmp_path / "unet.onnx").largest_difference < 1e-4
