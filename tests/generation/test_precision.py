"""What --precision comes to, what a data set tells of it, and that fused networks make the same samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from l4f_datagen.engines.description import describe, describe_for
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.generation.models import Models, load_models
from l4f_datagen.generation.precision import precision_for
from l4f_datagen.generation.stream import stream
from l4f_datagen.networks.fused.graphs import GraphedNetworks
from l4f_datagen.networks.fused.network import fuse
from l4f_datagen.settings import resolved_precision
from tests.hardware import DEVICES


@pytest.mark.parametrize(
    "asked,device,expected",
    [
        ("auto", "cpu", "float32"), ("auto", "cuda", "half"), ("auto", "mps", "float32"),
        ("float32", "cuda", "float32"), ("half", "cuda", "half"), ("float32", "cpu", "float32"),
        ("tf32", "cuda", "tf32"), ("tf32", "cpu", "tf32"),
    ],
)  # fmt: skip
def test_what_it_comes_to(asked, device, expected):
    assert resolved_precision(asked, device) == expected


@pytest.mark.parametrize(
    "asked, capability, least", [("half", (5, 2), "5.3"), ("auto", (5, 2), "5.3"), ("tf32", (7, 5), "8.0")]
)
def test_an_arithmetic_is_refused_where_it_is_none(tiny_settings, monkeypatch, asked, capability, least):
    settings, comes_to = tiny_settings.model_copy(update={"precision": asked}), asked.replace("auto", "half")
    if asked != "auto":
        for device in ("cpu", "mps"):
            with pytest.raises(UserError, match=f"{asked} on {device}"):
                precision_for(settings, torch.device(device))
        with pytest.raises(UserError, match=f"{asked} on cpu"):
            load_models(settings)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Old")
    told = rf"{comes_to} on Old \(compute capability .*{least} or newer.*--precision float32"
    with pytest.raises(UserError, match=told):
        precision_for(settings, torch.device("cuda"))
    assert precision_for(tiny_settings.model_copy(update={"precision": "float32"}), torch.device("cuda")) == "float32"


def test_a_data_set_tells_other_arithmetics_than_float32(tiny_settings):
    on_cpu = describe(tiny_settings, load_models(tiny_settings))
    assert "precision" not in on_cpu["identity"] and "precision" not in on_cpu["settings"]
    on_gpu = describe_for(tiny_settings, "cuda")
    assert on_gpu["identity"]["precision"] == on_gpu["settings"]["precision"] == "half"
    full = describe_for(tiny_settings.model_copy(update={"precision": "float32"}), "cuda")
    assert "precision" not in full["identity"] and full["identity"]["device"] == "cuda"
    tf32 = describe_for(tiny_settings.model_copy(update={"precision": "tf32"}), "cuda")
    assert tf32["identity"]["precision"] == tf32["settings"]["precision"] == "tf32"
    assert len({one["fingerprint"] for one in (on_gpu, full, tf32)}) == 3


def fused_models(settings, dtype: torch.dtype) -> Models:
    models = load_models(settings)
    return replace(models, fused=GraphedNetworks(fuse(models.generator, models.alpha, dtype=dtype)))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("changes", [
    {}, {"noise": "random"}, {"noise": "none", "switched_off": "constant"}, {"save": ("foreground", "background", "w")},
    {"min_area": 0.2}, {"backgrounds": "pictures"},
], ids=str)  # fmt: skip
def test_fused_networks_make_the_same_samples(tiny_settings, tmp_path, changes, device):
    if "backgrounds" in changes:
        from tests.training.conftest import write_pictures

        write_pictures(tmp_path / "pictures", 5)
        changes = {"backgrounds": str(tmp_path / "pictures")}
    settings = tiny_settings.model_copy(update={"device": device, **changes})
    plain = list(stream(settings, models=replace(load_models(settings), fused=None)))
    fused = list(stream(settings, models=fused_models(settings, torch.float32)))
    assert len(plain) == len(fused) == 23
    close = 1 if device == "cpu" else 3  # of 255: convolutions are summed in another order
    for one, other in zip(plain, fused):
        for name in ("image", "alpha", *settings.save):
            a, b = (np.asarray(getattr(sample, name), np.float64) for sample in (one, other))
            assert np.abs(a - b).max() <= (close if name != "w" else 1e-3), name
        assert one.metadata["candidate"] == other.metadata["candidate"]
        assert one.metadata["background_source"] == other.metadata["background_source"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_draws_with_fused_networks_and_replays_them(tiny_settings):
    settings = tiny_settings.model_copy(update={"device": "cuda"})
    models = load_models(settings)
    assert models.fused is not None and models.fused.networks.dtype == torch.float16
    first, again = (list(stream(settings, models=models)) for _ in range(2))
    assert models.fused._recorded, "shapes that are seen again are recorded"
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.image, other.image) and np.array_equal(one.alpha, other.alpha)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("noise", ["own", "none", "random"])
def test_a_recorded_batch_is_the_one_that_was_not(tiny_settings, noise):
    models = load_models(tiny_settings.model_copy(update={"device": "cuda"}))
    assert models.fused is not None
    sizes = models.generator.architecture.noise_sizes
    for _ in range(4):
        w = torch.randn(6, models.generator.architecture.w_dim, device="cuda")
        maps = [torch.randn(6, *s, device="cuda") for s in sizes] if noise == "random" else None
        given = "own" if noise == "own" else maps
        with torch.inference_mode():
            expected = models.fused.networks(w, 3, given)
            found = models.fused(w, 3, given, "first_convolution")
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_overflow_ends_the_run_and_names_float32(tiny_settings):
    models = fused_models(tiny_settings, torch.float32)
    assert models.fused is not None
    networks = models.fused.networks

    def overflowing(*arguments):
        return networks(*arguments)._replace(overflowed=torch.ones(1, dtype=torch.int32))

    with pytest.raises(WorkError, match="half precision cannot hold .* --precision float32"):
        list(stream(tiny_settings, models=replace(models, fused=overflowing)))


@pytest.mark.parametrize("tf32", [False, True])
def test_float32_is_float32_unless_tf32_is_asked_for_and_nothing_is_left_behind(tiny_settings, monkeypatch, tf32):
    seen = []
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", not tf32)
    models = fused_models(tiny_settings, torch.float32)
    models = replace(models, fused=GraphedNetworks(models.fused.networks, tf32=tf32))
    assert models.fused is not None
    draws = models.fused.networks

    def noted(*arguments):
        seen.append(torch.backends.cudnn.allow_tf32)
        return draws(*arguments)

    monkeypatch.setattr(models.fused, "networks", noted)
    list(stream(tiny_settings, models=models))
    assert set(seen) == {tf32} and torch.backends.cudnn.allow_tf32 is not tf32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_masks_of_tf32_are_those_of_float32(tiny_settings):
    of = {}
    for precision in ("float32", "tf32"):
        settings = tiny_settings.model_copy(update={"device": "cuda", "precision": precision})
        of[precision] = np.stack([sample.mask for sample in stream(settings)])
    assert (of["float32"] == of["tf32"]).mean() >= 0.995
