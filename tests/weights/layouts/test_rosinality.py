import argparse
import datetime
import pathlib
import types

import numpy as np
import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights.layouts import rosinality

from .. import forge


def _same(one, other):
    for name, tensor in other.state_dict().items():
        torch.testing.assert_close(one.state_dict()[name], tensor, atol=0, rtol=0)


def _save(tmp_path, content, **options):
    path = tmp_path / "generator.pt"
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("kind", ["converted", "trained"])
def test_equals_the_original(kind, goldens, golden_arrays):
    arrays = golden_arrays("rosinality-32")
    generator, source = weights.read_generator(goldens / f"rosinality-{kind}-32.pt")
    w = generator.map(arrays["z"])
    torch.testing.assert_close(w, arrays["w"], atol=1e-4, rtol=0)
    image = generator.synthesize(arrays["w_plus"]).image
    torch.testing.assert_close(image, arrays["image_w_plus"], atol=1e-4, rtol=0)
    if kind == "converted":
        torch.testing.assert_close(generator.w_avg, arrays["latent_avg"])
        image = generator.synthesize(generator.truncate(w, float(arrays["psi"]))).image
        torch.testing.assert_close(image, arrays["image"], atol=1e-4, rtol=0)
    else:
        # Without latent_avg the centre is a mean of draws, near the one that the converted file holds.
        assert "latent_avg" in source.notes[0]
        assert (generator.w_avg - arrays["latent_avg"]).abs().max() < 0.1


@pytest.mark.parametrize("legacy", [False, True])
def test_both_forms_of_torch_files(legacy, tmp_path):
    made = forge.generator()
    content = {"g_ema": rosinality.state_dict(made), "latent_avg": made.w_avg}
    _same(weights.load_generator(_save(tmp_path, content, _use_new_zipfile_serialization=not legacy)), made)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("legacy", [False, True])
def test_other_precisions_become_single(dtype, legacy, tmp_path):
    made = forge.generator().to(dtype)
    state = {name: tensor.to(dtype) for name, tensor in rosinality.state_dict(made).items()}
    content = {"g_ema": state, "latent_avg": made.w_avg}
    _same(weights.load_generator(_save(tmp_path, content, _use_new_zipfile_serialization=not legacy)), made.float())


def test_odd_options_do_not_stop_loading(tmp_path):
    made = forge.generator()
    odd = argparse.Namespace(
        path=pathlib.Path("data"), windows=pathlib.PureWindowsPath("C:/data"), device=torch.device("cpu"),
        dtype=torch.float16, rate=np.float32(0.5), array=np.arange(3), time=datetime.datetime(2020, 1, 2),
        size=torch.Size([1, 2]), kind=int, nested=argparse.Namespace(a={1, 2}, b=frozenset("x")), span=range(3),
        more=types.SimpleNamespace(c=1j, d=slice(1, 2)), none=None, text="a\nb", big=2**70, raw=b"\x00" * 2000,
    )  # fmt: skip
    for legacy in (False, True):
        content = {"g_ema": rosinality.state_dict(made), "latent_avg": made.w_avg, "args": odd}
        _same(weights.load_generator(_save(tmp_path, content, _use_new_zipfile_serialization=not legacy)), made)


def test_a_state_dict_alone_and_a_raw_generator(tmp_path):
    made = forge.generator()
    loaded, source = weights.read_generator(_save(tmp_path, rosinality.state_dict(made)))
    torch.testing.assert_close(loaded.layers[0].weight, made.layers[0].weight)
    loaded, source = weights.read_generator(
        _save(tmp_path, {"g": rosinality.state_dict(made), "latent_avg": made.w_avg})
    )
    _same(loaded, made)
    assert "g_ema" in source.notes[0]


def test_a_generator_trained_on_several_gpus(tmp_path):
    made = forge.generator()
    state = {f"module.{name}": tensor for name, tensor in rosinality.state_dict(made).items()}
    _same(weights.load_generator(_save(tmp_path, {"g_ema": state, "latent_avg": made.w_avg})), made)


@pytest.mark.parametrize("equal", [True, False])
def test_the_decoder_of_an_encoder_file(equal, tmp_path):
    made = forge.generator()
    state = {f"decoder.{name}": tensor for name, tensor in rosinality.state_dict(made).items()}
    state |= {"encoder.input_layer.0.weight": torch.zeros(4, 3, 3, 3)}
    codes = made.w_avg.repeat(made.architecture.num_ws, 1)
    if not equal:
        codes += torch.randn(made.architecture.num_ws, 1)
    loaded = weights.load_generator(_save(tmp_path, {"state_dict": state, "latent_avg": codes, "opts": {"a": 1}}))
    torch.testing.assert_close(loaded.w_avg, codes.mean(0))
    torch.testing.assert_close(loaded.layers[-1].weight, made.layers[-1].weight)


def test_files_of_the_first_version_have_no_noise_maps(tmp_path):
    made = forge.generator()
    state = {name: tensor for name, tensor in rosinality.state_dict(made).items() if not name.startswith("noises")}
    loaded, source = weights.read_generator(_save(tmp_path, {"g_ema": state, "latent_avg": made.w_avg}))
    w = made.map(torch.ones(1, 16))
    torch.testing.assert_close(loaded.synthesize(w).image, made.synthesize(w, noise="none").image)
    assert "no noise maps" in source.notes[0]


def test_tensors_that_share_a_storage(tmp_path):
    made = forge.generator()
    state = rosinality.state_dict(made)
    flat = torch.cat([tensor.flatten() for tensor in state.values()])
    views, start = {}, 0
    for name, tensor in state.items():
        views[name] = flat[start : start + tensor.numel()].view(tensor.shape)
        start += tensor.numel()
    for legacy in (False, True):
        content = {"g_ema": views, "latent_avg": made.w_avg}
        loaded = weights.load_generator(_save(tmp_path, content, _use_new_zipfile_serialization=not legacy))
        _same(loaded, made)
    own = {tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in loaded.state_dict().values()}
    assert own == {True}  # nothing keeps the file's one storage alive


def test_parameters_and_column_major_tensors(tmp_path):
    made = forge.generator()
    state = {
        name: torch.nn.Parameter(tensor.t().contiguous().t() if tensor.ndim == 2 else tensor)
        for name, tensor in rosinality.state_dict(made).items()
    }
    _same(weights.load_generator(_save(tmp_path, {"g_ema": state, "latent_avg": made.w_avg})), made)


@pytest.mark.parametrize(
    "change, named",
    [
        (lambda state: state.pop("style.2.weight"), "style|mapping"),
        (lambda state: state.pop("convs.1.conv.weight"), r"layers\.2\.weight"),
        (lambda state: state.update({"extra.weight": torch.zeros(1)}), "extra.weight is not known"),
        (lambda state: state.update({"convs.0.conv.blur.kernel": torch.ones(4, 4)}), "is not the"),
        (lambda state: state.update({"convs.0.activate.bias": torch.zeros(3)}), "has shape"),
        (lambda state: state.update({"convs.0.activate.bias": "text"}), "a str where a tensor belongs"),
    ],
)
def test_what_does_not_fit_is_named(change, named, tmp_path):
    state = rosinality.state_dict(forge.generator())
    change(state)
    with pytest.raises(UserError, match=named):
        weights.load_generator(_save(tmp_path, {"g_ema": state}))
