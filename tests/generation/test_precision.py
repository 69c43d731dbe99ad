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
    ],
)  # fmt: skip
def test_what_it_comes_to(asked, device, expected):
    assert resolved_precision(asked, device) == expected


def test_half_precision_is_refused_where_it_is_none(tiny_settings, monkeypatch):
    half = tiny_settings.model_copy(update={"precision": "half"})
    for device in ("cpu", "mps"):
        with pytest.raises(UserError, match=f"half on {device}"):
            precision_for(half, torch.device(device))
    with pytest.raises(UserError, match="half on cpu"):
        load_models(half)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (5, 2))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Old")
    auto = tiny_settings.model_copy(update={"precision": "auto"})
    with pytest.raises(UserError, match=r"half on Old \(compute capability 5.2\).*--precision float32"):
        precision_for(auto, torch.device("cuda"))
    assert precision_for(tiny_settings.model_copy(update={"precision": "float32"}), torch.device("cuda")) == "float32"


def test_a_data_set_tells_half_precision_alone(tiny_settings):
    on_cpu = describe(tiny_settings, load_models(tiny_settings))
    assert "precision" not in on_cpu["identity"] and "precision" not in on_cpu["settings"]
    on_gpu = describe_for(tiny_settings, "cuda")
    assert on_gpu["identity"]["precision"] == on_gpu["settings"]["precision"] == "half"
    full = describe_for(tiny_settings.model_copy(update={"precision": "float32"}), "cuda")
    assert "precision" not in full["identity"] and full["identity"]["device"] == "cuda"


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
        maps = [torch.randn(6, s, s, device="cuda") for s in sizes] if noise == "random" else None
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


def test_float32_is_float32_while_networks_draw_and_nothing_is_left_behind(tiny_settings, monkeypatch):
    seen = []
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    models = fused_models(tiny_settings, torch.float32)
    assert models.fused is not None
    draws = models.fused.networks

    def noted(*arguments):
        seen.append(torch.backends.cudnn.allow_tf32)
        return draws(*arguments)

    monkeypatch.setattr(models.fused, "networks", noted)
    list(stream(tiny_settings, models=models))
    assert seen and not any(seen) and torch.backends.cudnn.allow_tf32
