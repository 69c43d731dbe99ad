"""What a run shows on the way is what its ``final/`` draws, on any device."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import l4f_datagen as l4f
from l4f_datagen.making.render import render
from l4f_datagen.networks.inference import freeze
from l4f_datagen.settings import RenderSettings, TrainAlphaSettings, TrainGeneratorSettings, TrainSegmenterSettings
from l4f_datagen.training.alpha import showing as preview
from l4f_datagen.training.alpha.train import train_alpha
from l4f_datagen.training.generator import distance as generator_distance
from l4f_datagen.training.generator import showing as generator_preview
from l4f_datagen.training.generator import train as generator
from l4f_datagen.training.generator.train import train_generator
from l4f_datagen.training.segmenter.train import train_segmenter
from tests.hardware import DEVICES

pytestmark = pytest.mark.parametrize("device", DEVICES)
CLOSE = 3
"""Of 255: convolutions of another order may round otherwise."""


def same_picture(one: Path, other: Path) -> bool:
    """Whether two sheets are alike but for rounding."""
    a, b = (np.asarray(Image.open(path)).astype(int) for path in (one, other))
    return a.shape == b.shape and int(np.abs(a - b).max()) <= CLOSE


@pytest.fixture
def masked_lerp(monkeypatch):
    """The average moves as a kernel moves it that does not count its changes, as on a GPU."""
    lerp = torch._foreach_lerp_

    def uncounted(means, weights, share):
        versions = tuple(mean._version for mean in means)
        lerp(means, weights, share)
        torch._C._autograd._unsafe_set_version_counter(tuple(means), versions)

    monkeypatch.setattr(torch, "_foreach_lerp_", uncounted)


def generator_settings(pictures, device: str, **changes) -> TrainGeneratorSettings:
    values = {
        "images": str(pictures), "resolution": 16, "channels": (8, 8, 8), "z_dim": 6, "mapping_layers": 2,
        "batch_size": 4, "minibatch_group": 2, "kimg": 1, "learning_rate": 0.05, "ema_kimg": 0.004, "ema_ramp": 0,
        "sheet_every": 1, "checkpoint_every": 2, "log_every": 2, "augment": "off", "device": device,
    }  # fmt: skip
    return TrainGeneratorSettings(**values | changes)


@pytest.fixture(autouse=True)
def six_steps(monkeypatch):
    monkeypatch.setattr(TrainGeneratorSettings, "iterations", property(lambda self: 6))


def test_sheets_of_a_generator(tmp_path, pictures, device, masked_lerp):
    settings = generator_settings(pictures, device)
    final = train_generator(settings, tmp_path / "run").final
    settings, _, images = generator.prepare(settings)
    sheets = sorted((tmp_path / "run" / "samples").glob("*.png"))
    assert len(sheets) == 6
    generator_preview.save_sheet(tmp_path / "again.png", l4f.load_generator(final), images, settings.seed)
    assert same_picture(sheets[-1], tmp_path / "again.png")
    assert not same_picture(sheets[0], sheets[-1])
    # So is every kept one that of its checkpoint.
    generator_preview.save_sheet(
        tmp_path / "four.png", l4f.load_generator(tmp_path / "run" / "checkpoints" / "000004"), images, settings.seed
    )
    assert same_picture(sheets[3], tmp_path / "four.png")


def test_distances_of_a_generator(tmp_path, pictures, device, masked_lerp, monkeypatch):
    """Each is measured on the images of the average as it is then; the last on those of ``final/``."""
    from l4f_datagen.evaluation.sets import frechet

    seen = []

    def measured(name, images, settings):
        network = freeze(l4f.load_generator(name.removeprefix("generator:")), settings.device)
        seen.append(network.synthesize(network.w_avg[None]).image.cpu())
        return frechet.Report(title="", rows=(frechet.Row(labels={"features": "x"}, images=2, values={"fid": 1.0}),))

    monkeypatch.setattr(frechet, "evaluate_frechet", measured)
    settings = generator_settings(pictures, device, frechet_every=2, frechet_features="x")
    final = train_generator(settings, tmp_path / "run").final
    network = freeze(l4f.load_generator(final), device)
    torch.testing.assert_close(
        seen[-1], network.synthesize(network.w_avg[None]).image.cpu(), rtol=1e-3, atol=1e-3
    )  # fmt: skip
    assert len(seen) == 3 and not torch.allclose(seen[0], seen[-1], atol=1e-3)
    assert generator_distance.Distances  # what asked for them


def test_sheets_of_an_alpha_network(tmp_path, tiny_checkpoint, pictures, device, masked_lerp):
    settings = TrainAlphaSettings(
        preset="paper",
        generator=str(tiny_checkpoint), images=str(pictures), first_resolution=8, iterations=6, batch_size=4,
        alpha_learning_rate=0.05, ema_decay=0.5, minibatch_group=2, psi=0.8, log_every=2, sheet_every=2,
        checkpoint_every=2, device=device,
    )  # fmt: skip
    train_alpha(settings, tmp_path / "run")
    sheets = sorted((tmp_path / "run" / "samples").glob("*.png"))
    final = l4f.load_alpha(tmp_path / "run" / "final").to(device)
    network = freeze(l4f.load_generator(tiny_checkpoint), device)
    behind = preview.backgrounds(network, settings, "first_convolution", None)
    preview.save_sheet(tmp_path / "again.png", final, network, settings, behind)
    assert same_picture(sheets[-1], tmp_path / "again.png")
    assert not same_picture(sheets[0], sheets[-1])


def test_sheets_of_a_segmenter(tmp_path, device, monkeypatch):
    render(RenderSettings(n=24, size=32, samples_per_shard=12), tmp_path / "shards")
    settings = TrainSegmenterSettings(
        shards=(str(tmp_path / "shards"),), validation="0.25", width=4, depth=2, iterations=6, batch_size=4,
        learning_rate=0.05, log_every=2, validate_every=2, checkpoint_every=2, sheet_every=2, keep="last",
        device=device,
    )  # fmt: skip
    from l4f_datagen.training.segmenter import validation as segmenter_validation

    shown, save = [], segmenter_validation.save_sheet

    def noted(path, network, batch, device):
        shown.append((batch, device))
        save(path, network, batch, device)

    monkeypatch.setattr(segmenter_validation, "save_sheet", noted)
    train_segmenter(settings, tmp_path / "run")
    sheets = sorted((tmp_path / "run" / "samples").glob("*.png"))
    network = l4f.load_segmenter(tmp_path / "run" / "final").to(device)
    save(tmp_path / "again.png", network, *shown[-1])
    assert same_picture(sheets[-1], tmp_path / "again.png")
    assert not same_picture(sheets[0], sheets[-1])
