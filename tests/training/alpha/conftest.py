"""Runs of a few steps are measured on few samples when they end."""

import pytest

from l4f_datagen.training.alpha import card


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr(card, "_SAMPLES", 16)
