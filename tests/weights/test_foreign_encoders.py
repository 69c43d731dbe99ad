"""Files of pSp, e4e and ReStyle: told apart by their tensors' names, refused as encoders, read as generators."""

import argparse

import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.networks.encoder import Encoder
from l4f_datagen.weights import load
from l4f_datagen.weights.features import read_features
from l4f_datagen.weights.foreign_encoders import find_encoder
from l4f_datagen.weights.inspection import inspect
from l4f_datagen.weights.layouts import rosinality
from tests.weights import forge

CODES = 8
"""Codes of a generator of 32 px."""


def _norm(name: str) -> dict:
    kinds = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return {f"{name}.{kind}": torch.ones(2) for kind in kinds}


def ir_trunk(channels: int = 3, blocks: int = 4) -> dict:
    """The names of an IR-SE50's tensors, as ArcFace's and pSp's code have them: fewer blocks, few numbers in each."""
    state = {"input_layer.0.weight": torch.ones(2, channels, 3, 3), "input_layer.2.weight": torch.ones(2)}
    state |= _norm("input_layer.1")
    for block in range(blocks):
        name = f"body.{block}.res_layer"
        state |= _norm(f"{name}.0") | _norm(f"{name}.4")
        state |= {f"{name}.{part}.weight": torch.ones(2, 2, 3, 3) for part in (1, 3)}
        state |= {f"{name}.2.weight": torch.ones(2)}
        state |= {f"{name}.5.{part}.weight": torch.ones(2, 2, 1, 1) for part in ("fc1", "fc2")}
        if block in (3, 7, 21):
            state |= {f"body.{block}.shortcut_layer.0.weight": torch.ones(2, 2, 1, 1)}
            state |= _norm(f"body.{block}.shortcut_layer.1")
    return state


def resnet_trunk() -> dict:
    state = {"conv1.weight": torch.ones(2, 6, 7, 7), "relu.weight": torch.ones(2)} | _norm("bn1")
    for block in range(2):
        state |= {f"body.{block}.conv{part}.weight": torch.ones(2, 2, 3, 3) for part in (1, 2)}
        state |= _norm(f"body.{block}.bn1") | _norm(f"body.{block}.bn2")
    return state


def heads(codes: int = CODES) -> dict:
    state = {}
    for code in range(codes):
        for part in (0, 2):
            name = f"styles.{code}.convs.{part}"
            state |= {f"{name}.weight": torch.ones(2, 2, 3, 3), f"{name}.bias": torch.ones(2)}
        state |= {f"styles.{code}.linear.weight": torch.ones(2, 2), f"styles.{code}.linear.bias": torch.ones(2)}
    return state


def pyramid() -> dict:
    names = ("latlayer1", "latlayer2")
    return {f"{n}.weight": torch.ones(2, 2, 1, 1) for n in names} | {f"{n}.bias": torch.ones(2) for n in names}


def linear() -> dict:
    return {"linear.weight": torch.ones(2, 2), "linear.bias": torch.ones(2)}


FAMILIES = {
    "pSp": (ir_trunk() | heads() | pyramid(), {"encoder_type": "GradualStyleEncoder"}, "a pSp encoder for 32 px"),
    "pSp, options as a namespace": (
        ir_trunk() | heads() | pyramid(), argparse.Namespace(encoder_type="GradualStyleEncoder"),
        "a pSp encoder for 32 px",
    ),
    "pSp into W": (ir_trunk() | linear(), {"encoder_type": "BackboneEncoderUsingLastLayerIntoW"}, "a pSp encoder"),
    "pSp into W, no options": (ir_trunk() | linear(), None, "a pSp encoder"),
    "e4e": (ir_trunk() | heads() | pyramid(), {"encoder_type": "Encoder4Editing"}, "an e4e encoder for 32 px"),
    "no options": (ir_trunk() | heads() | pyramid(), None, "a pSp or e4e encoder for 32 px"),
    "ReStyle": (ir_trunk(6) | heads(), {"encoder_type": "BackboneEncoder"}, "a ReStyle encoder for 32 px"),
    "ReStyle, no options": (ir_trunk(6) | heads(), None, "a ReStyle encoder for 32 px"),
    "ReStyle of pSp": (
        ir_trunk(6) | heads() | pyramid(), {"encoder_type": "GradualStyleEncoder", "n_iters_per_batch": 5},
        "a ReStyle encoder for 32 px",
    ),
    "ReStyle, ResNet34": (resnet_trunk() | heads(), None, "a ReStyle encoder for 32 px"),
}  # fmt: skip


def write(path, encoder: dict, options, *, decoder: bool = True) -> str:
    """A file as the trainings of these families write it."""
    state = {f"encoder.{name}": tensor for name, tensor in encoder.items()}
    content = {"state_dict": state, "latent_avg": torch.zeros(CODES, 16)}
    if decoder:
        made = forge.generator()
        state |= {f"decoder.{name}": tensor for name, tensor in rosinality.state_dict(made).items()}
    if options is not None:
        content["opts"] = options
    torch.save(content, path)
    return str(path)


@pytest.mark.parametrize("encoder, options, what", FAMILIES.values(), ids=FAMILIES.keys())
def test_the_family_is_told_and_the_generator_read(encoder, options, what, tmp_path):
    path = write(tmp_path / "file.pt", encoder, options)
    found = inspect(path)
    assert found.what == f"a StyleGAN2 generator for 32 px, and {what}, which cannot be used here"
    assert found.problem is None and len(found.networks) == 1
    assert load.load_generator(path).architecture.resolution == 32
    with pytest.raises(UserError, match=f"got {what}; expected .*train-encoder"):
        load.read_encoder(path)


@pytest.mark.parametrize("encoder, options, what", FAMILIES.values(), ids=FAMILIES.keys())
def test_without_a_generator_every_loader_refuses_it(encoder, options, what, tmp_path):
    path = write(tmp_path / "file.pt", encoder, options, decoder=False)
    assert inspect(path).what == what
    loaders = (load.load_generator, load.load_alpha, load.load_segmenter, load.read_encoder)
    features = (lambda path: read_features(path, size=32, device=torch.device("cpu")),)
    for loader in (*loaders, *features):
        with pytest.raises(UserError, match=f"got {what}; .*train-encoder"):
            loader(path)


def test_an_encoder_alone_and_networks_of_the_same_trunk(tmp_path):
    assert str(find_encoder(ir_trunk(blocks=24) | heads(18) | pyramid())) == "a pSp or e4e encoder for 1024 px"
    arcface = ir_trunk() | {"output_layer.3.weight": torch.ones(2, 2)}
    assert find_encoder(arcface) is None
    assert find_encoder(Encoder(num_ws=4, w_dim=8, size=16).state_dict()) is None
    torch.save(arcface, tmp_path / "ir_se50.pth")
    assert inspect(tmp_path / "ir_se50.pth").what == "an ArcFace network (IR-SE50)"


def test_commands_refuse_it_in_one_line(tmp_path, capsys):
    path = write(tmp_path / "e4e.pt", *FAMILIES["e4e"][:2])
    words = ["project", "world:vessels", "--world-images", "1", "--generator", "vessels64", "--how", "encoder"]
    assert main([*words, "--encoder", path, "--out", str(tmp_path / "codes")]) == 2
    told = capsys.readouterr().err
    assert (
        "got an e4e encoder for 32 px" in told
        and "l4f-datagen train-encoder" in told
        and told.count("l4f-datagen: ") == 1
        and "Traceback" not in told
    )
    assert main(["convert", path, "--out", str(tmp_path / "native")]) == 0
    assert load.load_generator(tmp_path / "native").architecture.resolution == 32
