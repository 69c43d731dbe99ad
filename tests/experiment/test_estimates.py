"""How long an experiment takes, from what its stages learn from and look at."""

from pathlib import Path
from typing import Any

import pytest

from l4f_datagen.experiment.estimates import Machine, estimate, speed
from l4f_datagen.experiment.pieces import Piece, Plan
from l4f_datagen.settings import GenerateSettings, TrainSegmenterSettings

TWO_CORES = Machine(cores=2)


def seconds(**changes: Any) -> float | None:
    """Of a segmenter's training of 40 images a student, beside 50 generated samples."""
    learning = TrainSegmenterSettings(shards=("s",), size=64, iterations=10, batch_size=4, world_images=100, **changes)
    made = Piece(kind="generate", place="shards", settings=GenerateSettings(n=50))
    trained = Piece(kind="train-segmenter", place="segmenter", settings=learning)
    plan = Plan(domain="", description="", quick=False, folder=Path("out"), pieces=(trained, made))
    return estimate(plan, TWO_CORES).seconds["train-segmenter"]


def test_labelling_of_photographs_counts():
    fast = speed("train-segmenter", TWO_CORES, 64)
    assert fast and seconds() == pytest.approx(40 / fast)
    found = seconds(photographs="world:vessels", rounds=2, students=3)
    # In two of three rounds each of three students looks at 90 photographs and 50 samples, and in all at the 10 held
    # out; each of them as it is, mirrored, at .75 and at 1.25 of its size; in a third of the time that learning takes.
    looks = 3 * (2 * (90 + 50) + 3 * 10) * (1 + 1 + 0.75**2 + 1.25**2)
    assert found == pytest.approx((3 * 3 * 40 + looks / 3) / fast, rel=1e-3)


def test_nobody_knows_how_long_labelling_takes_of_photographs_that_are_not_there(tmp_path):
    assert seconds(photographs=str(tmp_path / "none"), rounds=1) is None
