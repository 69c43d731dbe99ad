import hashlib
import re
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import l4f_datagen as l4f
from l4f_datagen import worlds
from l4f_datagen.making.render import render, stream
from l4f_datagen.settings import RenderSettings
from l4f_datagen.shards.format import layout
from l4f_datagen.shards.format.schema import SCHEMA
from l4f_datagen.shards.verify.verification import verify
from tests.older import as_before
from tests.pages import PAGES

SETTINGS = RenderSettings(n=23, size=16, samples_per_shard=10, image_format="png", seed=2)


def fingerprints(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.mark.parametrize(("split", "first"), [("train", 0), ("test", 2**24)])
def test_what_is_read_back_is_the_world(tmp_path, split, first):
    render(SETTINGS.model_copy(update={"split": split}), tmp_path / "s")
    dataset = l4f.open_dataset(tmp_path / "s")
    assert len(dataset) == 23
    for index, sample in enumerate(dataset):
        truth = worlds.render("vessels", seed=2, index=first + index, size=16)
        np.testing.assert_array_equal(sample.image, truth.image)
        np.testing.assert_array_equal(sample.alpha, truth.alpha)
        np.testing.assert_array_equal(sample.mask, truth.alpha >= 127.5)
        assert list(sample.metadata) == SCHEMA.names
        row = {name: sample.metadata[name] for name in ("key", "shard", "seed", "foreground_code", "psi", "height")}
        assert row == {
            "key": f"{index:09d}", "shard": index // 10, "seed": 2, "foreground_code": first + index, "psi": 1.0,
            "height": 16,
        }  # fmt: skip


@pytest.mark.parametrize("world", worlds.NAMES)
def test_backgrounds_alone(tmp_path, world):
    settings = SETTINGS.model_copy(update={"world": world, "backgrounds_only": True, "n": 5})
    render(settings, tmp_path)
    for index, sample in enumerate(l4f.open_dataset(tmp_path)):
        np.testing.assert_array_equal(sample.image, worlds.render(world, seed=2, index=index, size=16).background)
        assert not sample.alpha.any() and not sample.mask.any() and sample.metadata["components"] == 0
    card = (tmp_path / layout.CARD).read_text()
    assert "# Rendered backgrounds" in card and "all masks are empty" in card
    assert verify(tmp_path).findings == []


def test_settings_that_are_younger_change_no_data_set():
    """Backgrounds are told apart from pictures, and pictures are what they were before there was the setting."""
    assert "backgrounds_only" not in SETTINGS.identity()
    assert SETTINGS.model_copy(update={"backgrounds_only": True}).identity()["backgrounds_only"] is True


def test_the_masks_follow_the_threshold():
    for threshold, least in ((0.2, 64), (0.5, 128), (0.6, 191), (1.0, 255)):
        for sample in islice(stream(SETTINGS.model_copy(update={"threshold": threshold})), 5):
            np.testing.assert_array_equal(sample.mask, sample.alpha >= least)


def test_an_interrupted_run_continues_to_the_same_bytes(tmp_path):
    whole, broken = tmp_path / "a" / "s", tmp_path / "b" / "s"
    render(SETTINGS, whole)

    def interrupt(progress):
        if progress.made == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(SETTINGS, broken, report=interrupt)
    assert len(l4f.open_dataset(broken, allow_incomplete=True)) == 10
    assert render(SETTINGS, broken).made == 13
    assert fingerprints(broken) == fingerprints(whole)
    assert render(SETTINGS, broken).made == 0


def test_a_larger_n_extends(tmp_path):
    extended, whole = tmp_path / "a" / "s", tmp_path / "b" / "s"
    render(SETTINGS.model_copy(update={"n": 12}), extended)
    assert render(SETTINGS, extended).made == 13
    render(SETTINGS, whole)
    assert fingerprints(extended) == fingerprints(whole)


def test_the_description_tells_of_a_world_and_no_checkpoint(tmp_path):
    render(SETTINGS, tmp_path)
    description, card = l4f.open_dataset(tmp_path).description, (tmp_path / layout.CARD).read_text()
    assert description["world"] == {"name": "vessels", "masks": "exact", "licence": "Apache-2.0"}
    assert description["checkpoints"] == {} and "torch" not in description["versions"]
    assert "World `vessels`, seed 2" in card
    assert "masks are exact" in card and "license: apache-2.0" in card and "predictions" not in card


def test_generate_does_not_continue_what_was_rendered(tmp_path, tiny_settings):
    render(SETTINGS, tmp_path)
    before = fingerprints(tmp_path)
    with pytest.raises(l4f.UserError, match="world .vessels there, None here"):
        l4f.generate(tiny_settings, tmp_path)
    assert fingerprints(tmp_path) == before
    with pytest.raises(l4f.UserError, match=r"seed .2 there, 3 here"):
        render(SETTINGS.model_copy(update={"seed": 3}), tmp_path)


def test_patterns_that_the_page_names_give_every_row_once(tmp_path):
    settings = SETTINGS.model_copy(update={"n": 3, "samples_per_shard": 2, "mask_values": "palette"})
    render(settings, tmp_path)
    for patterns in (("metadata.parquet", "*.parquet", "*_rows.pq"), ("metadata.parquet", "[0-9]*.parquet")):
        for pattern in patterns:
            assert sum(pq.read_table(path).num_rows for path in tmp_path.glob(pattern)) == 3, pattern
            assert re.search(rf"`(?:shards/)?{re.escape(pattern)}`", PAGES["docs/ecosystem.md"]), pattern
        if "*.parquet" in patterns:
            as_before(tmp_path)  # an older data set, the second time
