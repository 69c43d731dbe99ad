"""A tiny run of ``train-generator``."""

import pytest

from l4f_datagen.settings import TrainGeneratorSettings


@pytest.fixture
def tiny(pictures) -> TrainGeneratorSettings:
    """16 px; six steps; everything that can be random is, both penalties and an adjustment of ADA happen twice."""
    return TrainGeneratorSettings(
        images=str(pictures), mirror=True, resolution=16, channels=(8, 8, 8), z_dim=6, mapping_layers=2,
        batch_size=4, minibatch_group=2, kimg=1, learning_rate=0.01, r1=1.0, r1_every=2, path_length=2.0,
        path_length_every=2, style_mixing=0.9,
        ada_every=3, ada_kimg=0.05, augment_p=0.5, log_every=2, sheet_every=3, checkpoint_every=2, device="cpu",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def six_steps(monkeypatch):
    """A thousand images are too many for a test: a run of one kimg ends after six steps."""
    monkeypatch.setattr(TrainGeneratorSettings, "iterations", property(lambda self: 6 * self.kimg))
