import json

import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.experiment import record
from l4f_datagen.experiment.record import Record


@pytest.fixture
def ticks(monkeypatch):
    """A clock that shows one second more whenever it is looked at."""
    seconds = iter(range(100))
    monkeypatch.setattr(record.time, "monotonic", lambda: float(next(seconds)))


def test_times_add_up_over_calls_that_did_something(tmp_path, ticks):
    for made in (3, 0, 2):
        with Record(tmp_path).timing("generate") as clock:
            clock.made = made
    assert Record(tmp_path).seconds("generate") == 2.0
    assert Record(tmp_path).seconds("train-alpha") is None


def test_an_interruption_counts_and_a_refusal_does_not(tmp_path, ticks):
    with pytest.raises(KeyboardInterrupt), Record(tmp_path).timing("generate"):
        raise KeyboardInterrupt
    assert Record(tmp_path).seconds("generate") == 1.0
    with pytest.raises(UserError), Record(tmp_path).timing("generate"):
        raise UserError("n", got="0", expected="1", remedy="more")
    assert Record(tmp_path).seconds("generate") == 1.0


@pytest.mark.parametrize("content", ["no JSON", json.dumps({"format": "another"}), json.dumps([1])])
def test_a_broken_record_loses_times_only(tmp_path, content):
    (tmp_path / record.FILE).write_text(content)
    assert Record(tmp_path).stages == {}
