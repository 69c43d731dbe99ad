"""Self-training: segmenters label photographs together, and learn anew from those on which they agree."""

import json
import shutil
import tarfile

import numpy as np
import pytest
import torch
from torch import nn

from l4f_datagen.errors import UserError
from l4f_datagen.making.render import render
from l4f_datagen.masks import IGNORED
from l4f_datagen.networks.segmenter import Segmenter
from l4f_datagen.samples.opening import open_samples
from l4f_datagen.samples.reading import Reading
from l4f_datagen.settings import RenderSettings, TrainSegmenterSettings
from l4f_datagen.training.segmenter import start, weighting
from l4f_datagen.training.segmenter import train as once
from l4f_datagen.training.segmenter.batches import Batch, LabelledBatches
from l4f_datagen.training.segmenter.learner import segmentation_loss
from l4f_datagen.training.segmenter.rounds import judging, votes
from l4f_datagen.training.segmenter.rounds import train as rounds
from l4f_datagen.weights import native

from ..alpha.test_alpha import Killed
from .test_segmenter import same


class Bright(Segmenter):
    """Foreground is what is brighter than a bound, the surer the further from it."""

    def __init__(self, bound=0.0, steepness=20.0):
        super().__init__(classes=2)
        self.bound = nn.Parameter(torch.tensor(bound))
        self.steepness = steepness

    def forward(self, image):
        logit = self.steepness * (image.mean(1, keepdim=True) - self.bound)
        return torch.cat([-logit / 2, logit / 2], 1)


def squares(count=4, size=32, inside=230, outside=20):
    """Pictures of a bright square on dark ground, each elsewhere."""
    images = np.full((count, size, size, 3), outside, np.uint8)
    for number in range(count):
        images[number, 4 + number : 20 + number, 6:24] = inside
    return images


def test_all_agree_on_what_is_plain_and_nobody_on_what_is_not():
    plain = votes.vote([Bright(-0.1), Bright(0.1)], squares())
    assert plain.agreement.shape == (4,) and plain.agreement.min() > 0.9
    truth = squares()[..., 0] > 128
    labels = plain.labels
    known = labels != IGNORED
    assert set(np.unique(labels)) <= {0, 1, IGNORED} and known.mean() > 0.9
    assert np.array_equal(labels[known] == 1, truth[known])
    torn = votes.vote([Bright(-0.1), Bright(0.7)], squares(inside=190))  # between the two bounds
    assert torn.agreement.max() < 0.8 and (torn.labels[:, 15, 15] == IGNORED).all()


@pytest.mark.parametrize("value", [0, 255])
def test_agreement_that_all_is_one_is_none(value):
    found = votes.vote([Bright(), Bright()], np.full((2, 16, 16, 3), value, np.uint8))
    assert (found.agreement == 0).all()


def test_views_lie_where_the_picture_does():
    """A mirrored or scaled view that was not laid back would blur the mean of a picture without symmetry."""
    images = squares(1, size=64)
    found = votes.vote([Bright()], images)
    assert (np.abs(found.probability - (images[..., 0] > 128)) < 0.2).mean() > 0.95


def test_wrong_masks_and_hard_samples_are_told_apart():
    fits = np.array([0.95, 0.94, 0.96, 0.93, 0.95, 0.4, 0.5, 0.95])
    agreed = np.array([True] * 6 + [False, False])
    found = judging._weights(list("abcdefgh"), fits, agreed)
    assert found == {"f": judging.WRONG, "g": judging.HARD, "h": judging.HARD}
    assert judging._weights(list("ab"), fits[:2], agreed[:2]) == {}
    assert judging._weights(list("ab"), fits[:2], np.array([False, False])) == {}


def test_weights_weigh_the_loss(tmp_path):
    scores, masks = torch.randn(3, 2, 4, 4), torch.randint(0, 2, (3, 4, 4))
    masks[0, 0] = IGNORED
    images, alphas = torch.zeros(3, 3, 4, 4), torch.rand(3, 4, 4)
    for loss in ("cross_entropy", "soft"):
        settings = TrainSegmenterSettings(loss=loss)
        plain = segmentation_loss(scores, Batch(images, masks, alphas), settings)
        even = segmentation_loss(scores, Batch(images, masks, alphas, torch.full((3,), 2.0)), settings)
        assert float(even) == pytest.approx(float(plain), rel=1e-5)
        last = segmentation_loss(scores, Batch(images, masks, alphas, torch.tensor([0.0, 0.0, 1.0])), settings)
        alone = segmentation_loss(scores[2:], Batch(images[2:], masks[2:], alphas[2:]), settings)
        assert float(last) == pytest.approx(float(alone), rel=1e-5)


@pytest.mark.parametrize(
    "content",
    [b"", b"key;weight\n", b"key,weight\na\n", b"key,weight\na,-1\n", b"key,weight\na,nan\n", b"key,weight\na,x\n",
     b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_table_of_weights(content, tmp_path):
    (tmp_path / "w.csv").write_bytes(content)
    with pytest.raises(UserError, match="sample_weights"):
        weighting.read(str(tmp_path / "w.csv"))
    with pytest.raises(UserError, match="sample_weights"):
        weighting.read(str(tmp_path / "other.csv"))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "rendered"
    render(RenderSettings(n=30, size=16, samples_per_shard=30), folder)
    return folder


@pytest.fixture
def tiny(rendered) -> TrainSegmenterSettings:
    """Rounds of two students of twelve steps; nearly any agreement is enough."""
    return TrainSegmenterSettings(
        shards=(str(rendered),), validation="0.2", width=8, depth=1, iterations=12, batch_size=4, learning_rate=0.1,
        log_every=4, validate_every=6, checkpoint_every=4, sheet_every=12, device="cpu", photographs="world:vessels",
        world_images=40, rounds=2, agreement=0.01,
    )  # fmt: skip


@pytest.fixture
def always_gains(monkeypatch):
    """Agreement that rises, as that of networks of twelve steps need not."""
    given = iter([0.5, 0.6, 0.7])
    monkeypatch.setattr(rounds.labels, "agreement", lambda networks, photographs, count: next(given))


def test_a_run_in_rounds(tmp_path, tiny, rendered, always_gains):
    told, steps, counted = [], [], []
    found = start.train(tiny, tmp_path / "run", report=steps.append, tell=told.append, count=counted.append)
    assert found.made == 6 * 12 == 3 * len(steps)
    parts = [f"rounds/{number}/student-{student}" for number in range(3) for student in range(2)]
    assert list(dict.fromkeys(progress.part for progress in steps)) == parts
    labelled, judged = [(0, 36), (36, 36)], [(0, 24), (24, 24)]  # the last round teaches nobody
    assert [(one.done, one.count) for one in counted] == (labelled + judged) * 2
    assert [one.things for one in counted[:3]] == ["photographs looked at"] * 2 + ["samples judged"]
    run = tmp_path / "run"
    first = json.loads((run / "rounds/0/round.json").read_text())
    samples = open_samples(f"tars:{run / 'rounds/0/labels.tar'}", Reading())
    assert 0 < first["labelled"] == len(samples) <= 36 and first["held_out"] == 4
    with tarfile.open(run / "rounds/0/labels.tar") as tar:
        indices = {int(name.split(".")[0]) for name in tar.getnames()}
    assert not {index for index in indices if index % 10 == 9}  # what is held out
    assert set(np.unique(np.stack([samples.read(i).mask for i in range(len(samples))]))) <= {0, 1, IGNORED}
    student = json.loads((run / "rounds/1/student-0/settings.json").read_text())["settings"]
    assert student["shards"] == [str(rendered), f"tars:{run / 'rounds/0/labels.tar'}:1"] and student["seed"] == 1000
    card = native.read_card(run / "final")
    table = card["training"]["segmenter"]["rounds_found"]
    assert [row["agreement"] for row in table] == [0.5, 0.6, 0.7] and card["quality"]
    assert (run / "log.jsonl").is_file() and list((run / "samples").glob("*.png"))
    assert any(line.startswith("round 2: agreement") for line in told)
    assert same(run, run / "rounds/2/student-0") or same(run, run / "rounds/2/student-1")
    assert start.train(tiny, run).made == 0
    with pytest.raises(UserError, match="other settings: agreement"):
        start.train(tiny.model_copy(update={"agreement": 0.9}), run)


def test_photographs_held_out_are_counted(tiny):
    told = []
    photographs = rounds.labels.open_photographs(tiny, 16)
    assert rounds.labels.agreement([Bright(), Bright()], photographs, count=told.append) >= 0
    assert [(one.done, one.count, one.things) for one in told] == [(n, 4, "photographs held out") for n in (0, 4)]


def test_killed_anywhere_and_started_again_gives_the_same_bits(tmp_path, tiny, monkeypatch):
    tiny = tiny.model_copy(update={"rounds": 1})
    start.train(tiny, tmp_path / "whole")
    killed, original = tmp_path / "killed", once.SegmenterLearner.learn
    state = {"left": 0}

    def learn(self, iteration, batch):
        state["left"] -= 1
        if state["left"] < 0:
            raise Killed
        return original(self, iteration, batch)

    monkeypatch.setattr(once.SegmenterLearner, "learn", learn)
    for _ in range(20):
        state["left"] = 17
        try:
            start.train(tiny, killed)
            break
        except Killed:
            pass
    names = sorted(path.relative_to(killed) for path in killed.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.*"))
    for name in names:
        if name.suffix in (".tar", ".csv", ".safetensors") or name.name == "round.json":
            assert (killed / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_labels_and_weights_that_are_there_are_not_made_again(tmp_path, tiny, monkeypatch):
    tiny, run = tiny.model_copy(update={"rounds": 1, "students": 1}), tmp_path / "run"
    start.train(tiny, run)
    before = (run / "rounds/0/round.json").read_bytes()
    assert json.loads(before)["labelled"]  # else there is nothing that could be made again
    for name in ("rounds/0/round.json", "rounds/1", "final"):
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()
    monkeypatch.setattr(rounds.labels, "write_labels", None)
    monkeypatch.setattr(rounds, "judge", None)
    start.train(tiny, run)
    assert (run / "rounds/0/round.json").read_bytes() == before


def test_rounds_end_where_nothing_is_gained(tmp_path, tiny, monkeypatch):
    tiny = tiny.model_copy(update={"students": 1})
    given = iter([0.5, 0.5004, 0.9])
    monkeypatch.setattr(rounds.labels, "agreement", lambda networks, photographs, count: next(given))
    start.train(tiny, tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run/rounds").iterdir()) == ["0", "1"]
    start.train(tiny.model_copy(update={"agreement": 1.0}), tmp_path / "nobody")
    assert [path.name for path in (tmp_path / "nobody/rounds").iterdir()] == ["0"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"world_images": 19}, "photographs: got 19; expected at least 20"),
        ({"photographs": "nowhere"}, "nowhere"),
        ({"classes": 3}, "photographs and 3 classes"),
        ({"sample_weights": "nowhere.csv"}, "sample_weights nowhere.csv"),
    ],
)
def test_what_cannot_be(change, words, tmp_path, tiny):
    with pytest.raises(UserError, match=words):
        start.train(tiny.model_copy(update=change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rounds_are_written_to_this_machine(tmp_path, tiny, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="out: got s3://bucket/run, an address"):
        start.train(tiny, "s3://bucket/run")
    assert not list(tmp_path.iterdir())


def test_samples_weigh_what_the_table_says(tmp_path, tiny):
    settings = tiny.model_copy(update={"photographs": ""})
    assert LabelledBatches(settings).batch(range(4)).weights is None
    keys = LabelledBatches(settings).sources[0].keys
    weighting.write(tmp_path / "w.csv", {key: float(number) for number, key in enumerate(keys)})
    weighted = LabelledBatches(settings.model_copy(update={"sample_weights": str(tmp_path / "w.csv")}))
    found = weighted.batch(range(24)).weights
    assert len(found.unique()) == 24 and torch.equal(found, weighted.batch(range(24)).weights)
