"""The weights of a classifier of ImageNet as a segmenter's encoder: files as torchvision and timm leave them."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from l4f_datagen.errors import UserError
from l4f_datagen.networks.backbones.resnet import ResNet18
from l4f_datagen.networks.segmenters import architectures
from l4f_datagen.weights import imagenet


def classifier(width: int = 4) -> dict[str, torch.Tensor]:
    """A state dict with torchvision's and timm's names, every number its own."""
    torch.manual_seed(3)
    tensors = ResNet18(width=width).state_dict()
    tensors = {name: torch.rand_like(t) if t.is_floating_point() else t + 5 for name, t in tensors.items()}
    return tensors | {"fc.weight": torch.zeros(1000, 8 * width), "fc.bias": torch.zeros(1000)}


FILES = {
    "as torchvision saves it": lambda tensors: tensors,
    "half precision": lambda tensors: {k: t.half() if t.is_floating_point() else t for k, t in tensors.items()},
    "of a training on several devices": lambda tensors: {"state_dict": {f"module.{k}": t for k, t in tensors.items()}},
    "the encoder of a larger model": lambda tensors: {
        "model": {"head.bias": torch.zeros(3), **{f"backbone.{k}": t for k, t in tensors.items()}}
    },
    "of an old version of torch": lambda tensors: {k: t for k, t in tensors.items() if "num_batches" not in k},
}


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("arch", ["bisenet", "unet-resnet18"])
def test_an_encoder_takes_the_weights(tmp_path, what, arch):
    tensors = classifier()
    torch.save(FILES[what](tensors), tmp_path / "resnet18.pth")
    network = architectures()[arch](width=4)
    told = imagenet.begin(network, str(tmp_path / "resnet18.pth"))
    assert "fc.weight, fc.bias" in told and f"where the {network.title} begins" in told
    for name, tensor in network.pretrainable.state_dict().items():
        counts = "num_batches" in name and "old version" in what
        assert torch.allclose(tensor.float(), torch.zeros(()) if counts else tensors[name].float(), atol=1e-3), name


def test_safetensors_are_read_too(tmp_path):
    tensors = {name: t for name, t in classifier().items() if not name.startswith("fc.")}
    save_file(tensors, tmp_path / "resnet18.safetensors")
    network = architectures()["bisenet"](width=4)
    assert "left out" not in imagenet.begin(network, str(tmp_path / "resnet18.safetensors"))
    assert torch.equal(network.backbone.conv1.weight, tensors["conv1.weight"])


def changed(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    tensors = {name.replace("__", "."): tensor for name, tensor in changes.items()}
    return {name: t for name, t in (classifier() | tensors).items() if t is not None}


WRONG = {
    "a ResNet-34": (changed(layer1__2__conv1__weight=torch.zeros(4, 4, 3, 3)), "with the tensor layer1.2.conv1.weight"),
    "half a file": (
        changed(layer4__1__bn2__bias=None, layer4__1__bn2__weight=None),
        "without the tensor .* and 1 more",
    ),
    "another width": (classifier(8), "use --width 8"),
    "another layer's shape": (changed(bn1__bias=torch.zeros(5)), "a tensor bn1.bias of the shape"),
    "NaN": (changed(bn1__bias=torch.full((4,), torch.nan)), "not finite"),
    "whole numbers": (changed(bn1__bias=torch.zeros(4, dtype=torch.int8)), "int8"),
    "another network": (nn.Linear(2, 2).state_dict(), "without the tensors conv1.weight and layer1.0.conv1.weight"),
}


@pytest.mark.parametrize(
    ("place", "message"), [(".", "got a folder"), ("", "got an empty name"), (" ", "an empty name")]
)
def test_what_is_no_file_is_told(tmp_path, monkeypatch, place, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        imagenet.begin(architectures()["bisenet"](width=4), place)


@pytest.mark.parametrize("what", WRONG)
def test_another_file_is_refused_by_what_it_is(tmp_path, what):
    tensors, message = WRONG[what]
    torch.save(tensors, tmp_path / "file.pth")
    with pytest.raises(UserError, match=message):
        imagenet.begin(architectures()["unet-resnet18"](width=4), str(tmp_path / "file.pth"))


def test_nothing_of_a_file_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"conv1.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(UserError, match="asks for"):
        imagenet.begin(architectures()["bisenet"](width=4), str(tmp_path / "evil.pth"))
