"""Samples that a generator draws as they are asked for: which ones, from which words, and what is learned from them."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

import l4f_datagen as l4f
from l4f_datagen.cli import main
from l4f_datagen.engines.description import describe
from l4f_datagen.errors import UserError
from l4f_datagen.generation.models import load_models
from l4f_datagen.samples.generator import HELD_OUT, LEARNED, open_generator, settings_of
from l4f_datagen.samples.opening import open_samples
from l4f_datagen.samples.reading import Reading
from l4f_datagen.settings import GenerateSettings, TrainSegmenterSettings
from l4f_datagen.shards.folder import open_for_writing
from l4f_datagen.training.segmenter import learner as steps
from l4f_datagen.training.segmenter.batches import LabelledBatches
from l4f_datagen.training.segmenter.train import train_segmenter
from l4f_datagen.weights import native
from tests.training.alpha.test_alpha import Killed
from tests.training.segmenter.test_batches import STILL

CHOSEN = {
    "psi": 0.9, "threshold": 0.4, "min_area": 0.05, "max_area": 0.95, "ignore_band": [0.2, 0.6], "batch_size": 4,
    "largest_component": True, "seed": 3,
}  # fmt: skip
"""Settings of ``generate`` that change what is drawn."""


@pytest.fixture
def file(tiny_checkpoint, tmp_path):
    """A pipeline file with these settings."""
    path = tmp_path / "drawn.yaml"
    path.write_text(yaml.safe_dump({"generate": {"generator": str(tiny_checkpoint), **CHOSEN}}))
    return path


@pytest.fixture(scope="module")
def settings(tiny_checkpoint) -> TrainSegmenterSettings:
    return TrainSegmenterSettings(
        shards=(f"generator:{tiny_checkpoint}",), validation_images=6, width=4, depth=2, iterations=4, batch_size=4,
        log_every=2, validate_every=2, checkpoint_every=2, sheet_every=4, device="cpu",
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(settings, tmp_path_factory):
    """A training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("online") / "run"
    train_segmenter(settings, folder)
    return folder


def test_samples_are_those_that_generate_writes(tiny_checkpoint, file):
    drawn = open_samples(f"generator:{file}", Reading(), count=8, device="cpu")
    written = list(l4f.stream(GenerateSettings(generator=str(tiny_checkpoint), n=8, device="cpu", **CHOSEN)))
    for (image, alpha, mask), sample in zip(
        [(r.image, r.alpha, r.mask) for r in drawn.read_all([(i, False) for i in range(8)])], written, strict=True
    ):
        for ours, theirs in ((image, sample.image), (alpha, sample.alpha)):
            assert np.abs(ours.astype(int) - theirs).max() <= 1
        assert np.mean(mask != sample.mask) < 0.02
    assert (
        drawn.generated
        and drawn.ignores
        and drawn.licence == "MIT"
        and list(drawn.keys)[:2] == ["000000000", "000000001"]
    )
    one = drawn.read(3)
    assert np.array_equal(drawn.picture(3).image, one.image) and np.array_equal(drawn.mask(3), one.mask)
    assert {*np.unique(one.mask)} <= {0, 1, 255} and drawn.number("000000005") == 5


def words(kind, checkpoint, tmp_path) -> str:
    """One spelling of each kind that ``generator:`` takes."""
    if kind == "checkpoint":
        return str(checkpoint)
    if kind == "alpha network that names its generator":
        card = {"name": "a", "training": {"alpha": {"generator": str(checkpoint)}}}
        native.save(tmp_path / "alpha", alpha=l4f.load_alpha(checkpoint), card=card)
        return str(tmp_path / "alpha")
    if kind == "pipeline file":
        (tmp_path / "p.yml").write_text(f"generate: {{generator: {checkpoint}}}")
        return str(tmp_path / "p.yml")
    settings = GenerateSettings(n=2, generator=str(checkpoint), device="cpu")
    open_for_writing(tmp_path, describe(settings, load_models(settings)))
    return str(tmp_path / ("dataset.json" if kind == "dataset.json" else ""))


@pytest.mark.parametrize(
    "kind",
    ["checkpoint", "alpha network that names its generator", "pipeline file", "data set folder", "dataset.json"],
)
def test_what_names_a_generator(kind, tiny_checkpoint, tmp_path):
    place = words(kind, tiny_checkpoint, tmp_path)
    found = settings_of(place)
    assert found.generator == str(tiny_checkpoint)
    assert found.alpha in ((place,) if kind.startswith("alpha") else (None, str(tiny_checkpoint)))


@pytest.mark.parametrize("place", ["", " "])
def test_no_name_is_not_the_folder_that_one_is_in(place, tmp_path, monkeypatch):
    (tmp_path / "dataset.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="got an empty name"):
        settings_of(place)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "which does not exist"),
        ("train-alpha: {}", "no section generate"),
        ("generate: {psy: 1}", "psi"),
        ("generate: {generator: nowhere}", "nowhere"),
    ],
)
def test_mistakes_are_told(content, message, tmp_path):
    path = tmp_path / ("p.yaml" if content else "gone")
    if content:
        path.write_text(content)
    with pytest.raises(UserError, match=message):
        open_generator(str(path), device="cpu")


def test_a_data_set_of_another_command_is_no_generator(tmp_path):
    assert main(["render", "vessels", "--n", "1", "--size", "16", "--out", str(tmp_path / "r")]) == 0
    with pytest.raises(UserError, match="generate did not make"):
        settings_of(str(tmp_path / "r"))


def test_no_sample_comes_twice_and_held_out_ones_never(tiny_checkpoint):
    found = LabelledBatches(
        TrainSegmenterSettings(
            shards=(f"generator:{tiny_checkpoint}",), validation_images=6, foregrounds=0, device="cpu", **STILL
        )
    )
    learned = {image.numpy().tobytes() for first in (0, 16) for image in found.batch(range(first, first + 16)).images}
    held_out = [image.numpy().tobytes() for batch in found.validation_batches(4) for image in batch.images]
    assert len(learned) == 32 and len(set(held_out)) == found.validated == 6 and not learned & set(held_out)
    assert found.parts[0].indices == range(len(LEARNED)) and found.validation[0].source.keys[0] == str(HELD_OUT[0])
    again = found.batch(range(16))
    assert torch.equal(again.images, found.batch(range(16)).images)
    assert again.masks.unique().tolist() == [0, 1]


def test_generator_and_shards_share_batches_by_weight(tiny_checkpoint):
    found = LabelledBatches(
        TrainSegmenterSettings(
            shards=("world:vessels:3", f"generator:{tiny_checkpoint}:1"),
            world_images=40,
            size=16,
            device="cpu",
            **STILL,
        )
    )
    numbers = [found._at(position).part for position in range(400)]
    assert 0.68 < numbers.count(0) / 400 < 0.82
    assert found.batch(range(12)).images.shape == (12, 3, 16, 16)
    assert [len(part.indices) for part in found.validation] == [2, 500]


def test_killed_and_started_again_gives_the_same_bits_with_any_threads(run, settings, tmp_path, monkeypatch):
    learn = steps.SegmenterLearner.learn

    def dying(self, iteration, batch):
        if iteration == 3:
            raise Killed
        return learn(self, iteration, batch)

    monkeypatch.setattr(steps.SegmenterLearner, "learn", dying)
    with pytest.raises(Killed):
        train_segmenter(settings, tmp_path / "killed")
    monkeypatch.setattr(steps.SegmenterLearner, "learn", learn)
    assert train_segmenter(settings.model_copy(update={"workers": 2}), tmp_path / "killed").made == 2
    one, other = (load_file(place / "final" / "segmenter.safetensors") for place in (run, tmp_path / "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_is_of_its_checkpoint_and_of_its_settings(run, settings, tiny_checkpoint, tmp_path):
    """By hash: the same networks elsewhere continue it, and another threshold that the card recommends does not."""
    moved = shutil.copytree(tiny_checkpoint, tmp_path / "moved")
    elsewhere = settings.model_copy(update={"shards": (f"generator:{moved}",)})
    assert train_segmenter(elsewhere, run).made == 0
    card = json.loads((moved / native.CARD).read_text())
    (moved / native.CARD).write_text(json.dumps(card | {"recommended": {"threshold": 0.3}}))
    with pytest.raises(UserError, match="other settings: shards"):
        train_segmenter(elsewhere, run)


def test_evaluate_segmenter_draws_the_held_out_ones(run, tiny_checkpoint, tmp_path, capfd):
    words = ["evaluate", "segmenter", str(run), "--images", f"generator:{tiny_checkpoint}", "--n", "5"]
    assert main([*words, "--device", "cpu", "--json-file", str(tmp_path / "r.json")]) == 0, capfd.readouterr().err
    assert json.loads((tmp_path / "r.json").read_text())["rows"][0]["images"] == 5
    assert main([*words, "--masks", str(tmp_path)]) == 2
    assert "its alpha network gives the masks" in capfd.readouterr().err
