"""Evaluations are kept for as long as the same would be measured."""

import json

import pytest

from l4f_datagen.evaluation.tables import Report, Row
from l4f_datagen.experiment import results
from l4f_datagen.experiment.pieces import Piece
from l4f_datagen.settings import EvaluateSegmenterSettings
from l4f_datagen.shards.format import sealed

SETTINGS = EvaluateSegmenterSettings(images="world:vessels", n=3, device="cpu")


@pytest.fixture
def measured(tmp_path):
    """A kept result, and whether settings and another past of it make it measured anew."""
    calls = []

    def measure():
        calls.append(1)
        return Report(title="t", rows=[Row(labels={"masks": "a"}, images=3, values={"miou": 0.5})], settings={})

    def again(settings=SETTINGS, **changes) -> bool:
        piece = Piece(kind="evaluate segmenter", place="e.json", settings=settings, looks_at={"truth": "world:vessels"})
        results.evaluate(piece, tmp_path, measure)
        if changes:
            content = json.loads((tmp_path / "e.json").read_text())
            content.pop(sealed.KEY)
            kept = {key: value for key, value in {**content, **changes}.items() if value is not None}
            (tmp_path / "e.json").write_bytes(sealed.seal(kept))
        before = len(calls)
        found, now = results.evaluate(piece, tmp_path, measure)
        assert found["rows"][0]["miou"] == 0.5 and now == (len(calls) > before)
        return now

    return again


def asked(**settings) -> dict:
    """What an older result says that it was asked: None where a setting was not there yet."""
    said = {**SETTINGS.model_dump(mode="json"), **settings}
    return {"settings": {k: v for k, v in said.items() if v is not None}, "inputs": {"truth": "world:vessels"}}


def test_the_same_is_measured_once(measured):
    assert not measured()


@pytest.mark.parametrize(
    "settings, changes, anew",
    [
        (SETTINGS, {"fingerprint": "older", "asked": asked(resamples=None)}, False),
        (SETTINGS.model_copy(update={"resamples": 7}), {"fingerprint": "older", "asked": asked(resamples=None)}, True),
        (SETTINGS, {"fingerprint": "older", "asked": asked(n=4)}, True),
        (SETTINGS, {"fingerprint": "older", "asked": None}, True),
        (SETTINGS, {"fingerprint": "older", "asked": asked() | {"inputs": {"truth": "world:garden"}}}, True),
        (SETTINGS, {"inputs": {"truth": "another"}}, True),
    ],
    ids=["a younger default", "a younger choice", "another number", "an older version", "another place", "other bytes"],
)
def test_what_is_younger_and_a_default_is_no_matter(measured, settings, changes, anew):
    assert measured(settings, **changes) == anew
