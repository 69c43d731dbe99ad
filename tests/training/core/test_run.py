"""Which runs are continued: those of the same settings, whatever settings there were when they were begun."""

import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.settings import TrainAlphaSettings
from l4f_datagen.training.core.loop import describe
from l4f_datagen.training.core.run import RunFolder


def test_a_run_that_is_older_than_a_setting_continues(tmp_path):
    settings = TrainAlphaSettings(iterations=3)
    new = describe("train-alpha", settings, settings.FREE, {})
    old = {**new, "settings": dict(new["settings"]), "identity": dict(new["identity"])}
    for part in ("settings", "identity"):
        del old[part]["anneal"]  # as if there had been no such setting
    RunFolder(tmp_path).begin(old)
    with pytest.raises(UserError, match=r"anneal \(None there, 0\.5 here\)"):
        changed = settings.model_copy(update={"anneal": 0.5})
        RunFolder(tmp_path).begin(describe("train-alpha", changed, settings.FREE, {}))
    with pytest.raises(UserError, match=r"seed \(0 there, 1 here\)"):
        changed = settings.model_copy(update={"seed": 1})
        RunFolder(tmp_path).begin(describe("train-alpha", changed, settings.FREE, {}))
    RunFolder(tmp_path).begin(new)
    assert '"defaults"' not in (tmp_path / "settings.json").read_text()
