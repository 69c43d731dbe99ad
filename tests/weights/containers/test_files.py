"""Files that are not what they should be: each gets one line that says what it is."""

import gzip
import io
import os
import re
import zipfile
import zlib

import pytest
import torch

from l4f_datagen import weights
from l4f_datagen.errors import UserError
from l4f_datagen.weights.layouts import rosinality

from .. import forge

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 381646430\n"


def _refusal(path, load=weights.load_generator):
    with pytest.raises(UserError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _file(tmp_path, content, name="file.pkl"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def _zip(members, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _png():
    return b"\x89PNG\r\n\x1a\n" + bytes(100)


def _zipped(content: bytes) -> bytes:
    """Without the time: what it gives is part of tests' names, which have to be the same in every process."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize("load", [weights.load_generator, weights.load_alpha])
@pytest.mark.parametrize(
    "content, named",
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>", "web page.*failed download"),
        (b"\xef\xbb\xbf\n  <html>", "web page"),
        (b"<?xml version='1.0'?><Error>", "web page"),
        (b"Not Found", "text file.*'Not Found'.*failed download"),
        (b'{"error": "quota exceeded"}\n', "text file"),
        (b"cannot find it\nsorry\n", "text file"),
        (b"(see other)\n", "text file"),
        (LFS, "Git LFS pointer"),
        (bytes(4096), "file of zeros"),
        (_png(), "an image"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"PK\x03\x04" + bytes(100), "zip archive that is truncated"),
        (b"\x40" + bytes(7) + b'{"a":{"dtype":"F32"}}', "safetensors"),
        (bytes(range(1, 200)) * 3, "no checkpoint of a known kind"),
        (_zipped(b"<html>"), "web page"),
        (_zipped(LFS), "Git LFS"),
        (_zip({"a.pkl": b"<html>"}), "web page"),
        (_zip({}), "."),
        (_zip({"a.pkl": b"1", "b.pkl": b"2"}), "2 files .a.pkl, b.pkl"),
        (_zipped(_zipped(_zipped(b"x"))), "more than 2 wrappers"),
        (_zipped(b"x" * 1000)[:-20], "damaged or truncated"),
    ],
)
def test_what_is_no_checkpoint_is_said(content, named, load, tmp_path):
    assert re.search(named, _refusal(_file(tmp_path, content), load))


@pytest.mark.parametrize(
    "name, content, named",
    [
        ("generator.safetensors", LFS, "Git LFS pointer"),
        ("generator.safetensors", b"<html>", "web page"),
        ("generator.safetensors", b"", "an empty file"),
        ("generator.safetensors", b"\x08" + bytes(7) + b"{}      ", "is missing|damaged|not the one"),
        ("model.json", LFS, "no readable JSON"),
        ("model.json", b'{"model_type": "bert"}', "another kind of model.json"),
        ("model.json", b"[]", "another kind of model.json"),
    ],
)
def test_a_native_folder_with_something_else_in_it(name, content, named, tmp_path):
    weights.native.save(tmp_path, generator=forge.generator())
    (tmp_path / name).write_bytes(content)
    assert re.search(named, _refusal(tmp_path))


def test_a_training_that_is_not_finished_names_its_newest_checkpoint(tmp_path):
    for number in (90, 100):
        weights.native.save(tmp_path / "checkpoints" / f"{number:06d}", generator=forge.generator())
    (tmp_path / "checkpoints" / "000200").mkdir()  # was not written to its end
    (tmp_path / "checkpoints" / "best").mkdir()
    said = _refusal(tmp_path)
    assert "is not finished" in said and said.endswith(f"name {tmp_path / 'checkpoints' / '000100'}"), said
    assert weights.load_generator(tmp_path / "checkpoints" / "000100")


def test_a_folder_a_missing_file_and_a_device(tmp_path):
    assert "a folder without model.json" in _refusal(tmp_path)
    assert "does not exist" in _refusal(tmp_path / "none.pkl") and "vessels" in _refusal(tmp_path / "none.pkl")
    assert "no regular file" in _refusal("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in _refusal(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["nvidia-ada-32.pkl", "tensorflow-32.pkl", "rosinality-trained-32.pt"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_said(name, share, goldens, tmp_path):
    data = (goldens / name).read_bytes()
    assert "truncated" in _refusal(_file(tmp_path, data[: int(len(data) * share)]))


@pytest.mark.parametrize(
    "state, named",
    [
        ({"cp.resnet.conv1.weight": 1, "ffm.convblk.conv.weight": 1}, "BiSeNet"),
        ({"module.cp.resnet.conv1.weight": 1, "module.ffm.convblk.conv.weight": 1}, "BiSeNet"),
        ({"conv1.weight": 1, "bn1.weight": 1, "layer1.0.conv1.weight": 1, "fc.weight": 1}, "a ResNet"),
        ({"state_dict": {"model.diffusion_model.input_blocks.0.0.weight": 1}}, "Stable Diffusion"),
        ({"state_dict": {"encoder.input_layer.0.weight": 1}}, "a pSp or e4e encoder"),
        ({"d": {"convs.0.0.weight": 1, "final_linear.0.weight": 1}}, "discriminator"),
        ({"features.0.weight": 1, "classifier.0.weight": 1}, "VGG"),
        ({"epoch": 3, "weights": {}}, "entries epoch, weights"),
        ({}, "empty dictionary"),
        ([1, 2], "pickled list"),
        (torch.zeros(2, 3), r"lone tensor of shape .2, 3."),
    ],
)
@pytest.mark.parametrize("load", [weights.load_generator, weights.load_alpha])
def test_another_network_is_named(state, named, load, tmp_path):
    def filled(value):
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        return torch.zeros(1) if value == 1 and isinstance(value, int) else value

    torch.save(state if isinstance(state, torch.Tensor) else filled(state), tmp_path / "other.pth")
    assert re.search(named, _refusal(tmp_path / "other.pth", load))


class Model(torch.nn.Module):
    pass


def test_a_whole_pickled_model_is_refused_by_its_class(tmp_path):
    torch.save(Model(), tmp_path / "model.pt")
    assert f"{Model.__module__}.Model" in _refusal(tmp_path / "model.pt")


def test_a_torchscript_program_is_refused_by_its_name(tmp_path):
    program = {"model/data.pkl": b"\x80\x02N.", "model/code/__torch__.py": b"class Model: pass", "model/version": b"3"}
    assert "TorchScript" in _refusal(_file(tmp_path, _zip(program)))


@pytest.mark.parametrize("wrap", ["gzip", "zip", "zip in a folder", "zip of data.pkl", "gzip in zip"])
@pytest.mark.parametrize("kind", ["pickle", "torch", "legacy"])
def test_wrappers_come_off(wrap, kind, tmp_path):
    made = forge.generator()
    content = {"g_ema": rosinality.state_dict(made), "latent_avg": made.w_avg}
    out = io.BytesIO()
    torch.save(content, out, _use_new_zipfile_serialization=kind == "torch")
    data = forge.nvidia_bytes({"G_ema": forge.nvidia_network(made)}) if kind == "pickle" else out.getvalue()
    wrapped = {
        "gzip": lambda: gzip.compress(data),
        "zip": lambda: _zip({"weights": data}),
        "zip in a folder": lambda: _zip({"a/": b"", "a/weights.pkl": data, "__MACOSX/a/._w": b"", "a/.DS_Store": b""}),
        "zip of data.pkl": lambda: _zip({"data.pkl": data}),
        "gzip in zip": lambda: _zip({"weights.gz": gzip.compress(data)}),
    }[wrap]()
    loaded = weights.load_generator(_file(tmp_path, wrapped, "anything.txt"))
    for name, tensor in made.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, atol=0, rtol=0)


def test_a_deflated_torch_archive_is_read(tmp_path):
    made = forge.generator()
    torch.save({"g_ema": rosinality.state_dict(made), "latent_avg": made.w_avg}, tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as source:
        members = {name: source.read(name) for name in source.namelist()}
    loaded = weights.load_generator(_file(tmp_path, _zip(members), "deflated.pt"))
    torch.testing.assert_close(loaded.layers[0].weight, made.layers[0].weight)


def test_expansion_is_bounded(tmp_path):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(80)) + packer.flush()
    assert len(bomb) < 1 << 20
    assert "when it is unpacked" in _refusal(_file(tmp_path, bomb))
    assert "when it is unpacked" in _refusal(_file(tmp_path, _zip({"a.pkl": bytes(80 << 20)})))


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_compressions_are_refused(compression, tmp_path):
    assert "compression other than deflate" in _refusal(_file(tmp_path, _zip({"a.pkl": bytes(100)}, compression)))


def test_a_changed_byte_of_an_archive_is_noticed(goldens, tmp_path):
    data = bytearray((goldens / "rosinality-converted-32.pt").read_bytes())
    data[len(data) // 2] ^= 1
    assert "damaged" in _refusal(_file(tmp_path, bytes(data)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("layout", ["rosinality", "nvidia", "native"])
def test_weights_that_are_not_finite(value, layout, tmp_path):
    made = forge.generator()
    made.layers[1].weight[0, 0, 0, 0] = value
    path = tmp_path / "file"
    if layout == "native":
        weights.native.save(path, generator=made)
    elif layout == "nvidia":
        path.write_bytes(forge.nvidia_bytes({"G_ema": forge.nvidia_network(made)}))
    else:
        torch.save({"g_ema": rosinality.state_dict(made), "latent_avg": made.w_avg}, path)
    assert "NaN or infinity in layers.1.weight" in _refusal(path) and "--allow-nan" in _refusal(path)
    assert not weights.load_generator(path, allow_nan=True).layers[1].weight.isfinite().all()
