"""Files of pSp, e4e and ReStyle: told apart by their tensors' names, read as generators; the first two as encoders."""

import argparse
import re

import numpy as np
import pytest
import torch

from l4f_datagen.cli import main
from l4f_datagen.errors import UserError
from l4f_datagen.networks.encoders.encoder import Encoder
from l4f_datagen.networks.encoders.style_encoder import StyleEncoder
from l4f_datagen.projection.codes import read_codes
from l4f_datagen.sheet import png_bytes
from l4f_datagen.weights import load, native
from l4f_datagen.weights.features import read_features
from l4f_datagen.weights.foreign_encoders import find_encoder
from l4f_datagen.weights.inspection import inspect
from l4f_datagen.weights.layouts import rosinality
from tests.weights import forge

CODES = 8
"""Codes of a generator of 32 px."""
CENTRE = torch.linspace(-1, 1, 16)
"""The mean code in files."""


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

USED = re.compile("an e4e encoder|a pSp encoder")


def write(path, encoder: dict, options, *, decoder: bool = True) -> str:
    """A file as the trainings of these families write it."""
    state = {f"encoder.{name}": tensor for name, tensor in encoder.items()}
    content = {"state_dict": state, "latent_avg": CENTRE.repeat(CODES, 1)}
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
    use = "which project --encoder takes" if USED.match(what) else "which cannot be used here"
    assert found.what == f"a StyleGAN2 generator for 32 px, and {what}, {use}"
    assert found.problem is None and len(found.networks) == 1
    assert load.load_generator(path).architecture.resolution == 32
    with pytest.raises(UserError, match=f"got {what}.*; expected .*train-encoder"):  # these are names without weights
        load.read_encoder(path)


@pytest.mark.parametrize("encoder, options, what", FAMILIES.values(), ids=FAMILIES.keys())
def test_without_a_generator_every_loader_refuses_it(encoder, options, what, tmp_path):
    path = write(tmp_path / "file.pt", encoder, options, decoder=False)
    assert inspect(path).what == what
    loaders = (load.load_generator, load.load_alpha, load.load_segmenter, load.read_encoder)
    features = (lambda path: read_features(path, size=32, device=torch.device("cpu")),)
    for loader in (*loaders, *features):
        with pytest.raises(UserError, match=f"got {what}.*; .*train-encoder"):
            loader(path)


def tiny(heads: str, **changes) -> StyleEncoder:
    """A whole encoder of two channels for the generator that ``write`` puts beside it, with numbers that tell."""
    torch.manual_seed(1)
    made = StyleEncoder(**{"heads": heads, "num_ws": 1 if heads == "w" else CODES, "w_dim": 16, "width": 2, **changes})
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return made.eval()


OPTIONS = {
    "pyramid": "GradualStyleEncoder", "offsets": "Encoder4Editing", "w": "BackboneEncoderUsingLastLayerIntoW",
    "w+": "BackboneEncoderUsingLastLayerIntoWPlus",
}  # fmt: skip


def written(path, made: StyleEncoder, centre: bool = True, **changes) -> str:
    """A file with a tiny encoder, as its training writes it."""
    state = {name: tensor for name, tensor in made.state_dict().items() if name != "latent_avg"}
    options = {"encoder_type": OPTIONS[made.heads], "start_from_latent_avg": centre}
    return write(path, state, argparse.Namespace(**options), **changes)


@pytest.mark.parametrize("heads", OPTIONS)
@torch.no_grad()
def test_encoders_of_psp_and_e4e_answer_as_theirs_do(heads, tmp_path):
    made, image = tiny(heads), torch.randn(1, 3, 32, 32)
    answers = {}
    for centre in (False, True):
        found, source = load.read_encoder(written(tmp_path / "file.pt", made, centre))
        assert source.format == ("e4e" if heads == "offsets" else "pSp") and not source.notes
        answers[centre] = found(image)
    assert answers[False].shape == (1, made.num_ws, 16) and torch.allclose(answers[False], made(image), atol=1e-5)
    assert torch.allclose(answers[True], answers[False] + CENTRE, atol=1e-5)
    if heads == "offsets":  # the same weights as pSp's: each later code differs from the first by a head's answer
        plain = tiny("pyramid")(image)
        assert torch.allclose(answers[False][:, 1:], plain[:, :1] + plain[:, 1:], atol=1e-5)
        assert torch.allclose(answers[False][:, 0], plain[:, 0], atol=1e-5)


def test_photographs_are_projected_by_such_an_encoder_and_generators_of_others_refused(tmp_path, capsys):
    path = written(tmp_path / "e4e.pt", tiny("offsets"))
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(png_bytes(np.full((32, 32, 3), 90, np.uint8)))
    words = ["project", str(photos), "--how", "encoder", "--device", "cpu", "--out"]
    for steps in ("0", "2"):
        asked = [*words, str(tmp_path / steps), "--generator", path, "--encoder", path, "--refine-steps", steps]
        assert main(asked) == 0
    codes = read_codes(tmp_path / "0")
    answer = load.read_encoder(path)[0](torch.full((1, 3, 32, 32), 90 / 127.5 - 1)).detach()
    assert torch.allclose(codes.w, answer, atol=1e-5)
    assert read_codes(tmp_path / "2").rows[0].error < codes.rows[0].error
    # A copy of its generator in another layout takes its codes, too.
    assert main(["convert", path, "--out", str(tmp_path / "native")]) == 0
    copied = [*words, str(tmp_path / "of-copy"), "--generator", str(tmp_path / "native"), "--encoder", path]
    assert main([*copied, "--refine-steps", "0"]) == 0
    assert torch.equal(read_codes(tmp_path / "of-copy").w, codes.w)
    native.save(tmp_path / "other", generator=forge.generator(seed=5))
    native.save(tmp_path / "small", generator=forge.generator((8, 8, 4)))
    broken = {name: tensor for name, tensor in tiny("offsets").state_dict().items() if "body.7" not in name}
    misfit = write(tmp_path / "broken.pt", broken, {"encoder_type": "Encoder4Editing"})
    cases = {
        ("other", path): "one of another generator, which lies beside it in the file",
        ("small", path): "one that gives 8 codes of 16 numbers; expected for",
        ("native", misfit): "does not fit its layout",
    }  # fmt: skip
    for (generator, encoder), told in cases.items():
        capsys.readouterr()
        asked = [*words, str(tmp_path / "none"), "--generator", str(tmp_path / generator), "--encoder", encoder]
        assert main(asked) == 2
        error = capsys.readouterr().err
        assert told in error and error.count("l4f-datagen: ") == 1 and not (tmp_path / "none").exists()


def test_an_encoder_alone_and_networks_of_the_same_trunk(tmp_path):
    assert str(find_encoder(ir_trunk(blocks=24) | heads(18) | pyramid())) == "a pSp or e4e encoder for 1024 px"
    arcface = ir_trunk() | {"output_layer.3.weight": torch.ones(2, 2)}
    assert find_encoder(arcface) is None
    assert find_encoder(Encoder(num_ws=4, w_dim=8, size=16).state_dict()) is None
    torch.save(arcface, tmp_path / "ir_se50.pth")
    assert inspect(tmp_path / "ir_se50.pth").what == "an ArcFace network (IR-SE50)"


def test_commands_refuse_it_in_one_line(tmp_path, capsys):
    path = write(tmp_path / "restyle.pt", *FAMILIES["ReStyle"][:2])
    words = ["project", "world:vessels", "--world-images", "1", "--generator", "vessels64", "--how", "encoder"]
    assert main([*words, "--encoder", path, "--out", str(tmp_path / "codes")]) == 2
    told = capsys.readouterr().err
    assert (
        "got a ReStyle encoder for 32 px" in told
        and "l4f-datagen train-encoder" in told
        and told.count("l4f-datagen: ") == 1
        and "Traceback" not in told
    )
    assert main(["convert", path, "--out", str(tmp_path / "native")]) == 0
    assert load.load_generator(tmp_path / "native").architecture.resolution == 32
