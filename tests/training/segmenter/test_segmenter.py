import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import l4f_datagen as l4f
from l4f_datagen.errors import UserError, WorkError
from l4f_datagen.making.render import render
from l4f_datagen.networks.backbones.resnet import ResNet18, stem_for
from l4f_datagen.settings import GenerateSettings, RenderSettings, TrainSegmenterSettings
from l4f_datagen.storage.lock import writing
from l4f_datagen.training.segmenter import train as segmenter
from l4f_datagen.training.segmenter.batches import Batch, LabelledBatches
from l4f_datagen.training.segmenter.beginning import make_segmenter
from l4f_datagen.training.segmenter.learner import rate_factor, segmentation_loss
from l4f_datagen.training.segmenter.train import train_segmenter
from l4f_datagen.training.segmenter.validation import confusion, measures
from l4f_datagen.weights import native
from tests import forked

from ..alpha.test_alpha import Killed


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """30 vessels of 32 px with exact masks."""
    folder = tmp_path_factory.mktemp("shards") / "rendered"
    render(RenderSettings(n=30, size=32, samples_per_shard=12), folder)
    return folder


@pytest.fixture(scope="session")
def generated(tmp_path_factory, tiny_checkpoint):
    """20 samples of the tiny networks, 16 px, plain foregrounds among them."""
    folder = tmp_path_factory.mktemp("shards") / "generated"
    settings = GenerateSettings(n=20, generator=str(tiny_checkpoint), device="cpu", threshold=0.5, save="foreground")
    l4f.generate(settings, folder)
    return folder


@pytest.fixture
def tiny(rendered) -> TrainSegmenterSettings:
    """Six steps of four images; everything that can be random is."""
    return TrainSegmenterSettings(
        shards=(str(rendered),), validation="0.2", width=4, depth=2, scale=0.5, blur=0.5, jpeg=0.5, iterations=6,
        batch_size=4, learning_rate=0.01, log_every=2, validate_every=2, checkpoint_every=2, sheet_every=3,
        device="cpu",
    )  # fmt: skip


def weights_of(run):
    return load_file(run / "final" / "segmenter.safetensors")


def same(one, other) -> bool:
    a, b = weights_of(one), weights_of(other)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def log_of(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "steps_per_second"} for line in lines]


def test_a_run_leaves_what_the_contract_says(tmp_path, tiny):
    told, run = [], tmp_path / "run"
    result = train_segmenter(tiny, run, report=told.append)
    assert sorted(p.name for p in run.iterdir()) == ["checkpoints", "final", "log.jsonl", "samples", "settings.json"]
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["000004", "000006", "best"]
    assert sorted(p.name for p in (run / "samples").iterdir()) == ["000003.png", "000006.png"]
    lines = log_of(run)
    assert [line["iteration"] for line in lines] == [2, 4, 6] == [p.iteration for p in told]
    assert all({"loss", "miou", "iou_foreground", "accuracy"} <= line.keys() for line in lines)
    card = native.read_card(run / "final")
    assert card["training"]["segmenter"]["iterations"] == 6 and card["licence"] == "Apache-2.0"
    assert card["quality"] == result.quality and card["quality"]["images"] == 6
    assert card["quality"]["miou"] == pytest.approx(max(line["miou"] for line in lines), abs=1e-6)
    for place in (run, run / "final", run / "checkpoints" / "000004", run / "checkpoints" / "best"):
        assert l4f.load_segmenter(place).size == 32


def test_the_result_is_the_best_or_the_last_average(tmp_path, tiny, monkeypatch):
    scores = iter([0.9, 0.3, 0.5] * 2)
    fake = {"iou_foreground": 0.0, "accuracy": 0.0}
    monkeypatch.setattr(segmenter.validation, "validate", lambda *_: {"miou": next(scores), **fake})
    for keep, iteration in (("best", 2), ("last", 6)):
        run = tmp_path / keep
        result = train_segmenter(tiny.model_copy(update={"keep": keep, "keep_checkpoints": 9}), run)
        assert result.quality["iteration"] == iteration
        state = load_file(run / "checkpoints" / f"{iteration:06d}" / "state.safetensors")
        assert all(torch.equal(tensor, state[f"averaged.{name}"]) for name, tensor in weights_of(run).items())
        assert any(not torch.equal(tensor, state[f"network.{name}"]) for name, tensor in weights_of(run).items())


@pytest.mark.parametrize("arch, kills", [("unet", range(1, 6)), ("bisenet", [3])])
def test_killed_anywhere_and_started_again_gives_the_same_bits(tmp_path, tiny, monkeypatch, arch, kills):
    settings = tiny.model_copy(update={"arch": arch})
    train_segmenter(settings, tmp_path / "whole")
    step = segmenter.SegmenterLearner.learn
    for kill_at in kills:

        def dying(self, iteration, batch, kill_at=kill_at):
            if iteration == kill_at:
                raise Killed
            return step(self, iteration, batch)

        run = tmp_path / f"killed-{kill_at}"
        monkeypatch.setattr(segmenter.SegmenterLearner, "learn", dying)
        with pytest.raises(Killed):
            train_segmenter(settings, run)
        monkeypatch.setattr(segmenter.SegmenterLearner, "learn", step)
        assert train_segmenter(settings, run).made == 6 - kill_at // 2 * 2
        assert same(tmp_path / "whole", run)
        assert log_of(tmp_path / "whole") == log_of(run)


def test_threads_and_memory_change_no_bit(tmp_path, tiny):
    train_segmenter(tiny, tmp_path / "kept")
    train_segmenter(tiny.model_copy(update={"memory": 0.0, "workers": 1}), tmp_path / "read-again")
    assert same(tmp_path / "kept", tmp_path / "read-again")
    train_segmenter(tiny.model_copy(update={"seed": 1}), tmp_path / "other")
    assert not same(tmp_path / "kept", tmp_path / "other")


def test_a_folder_in_which_somebody_trains_is_refused(tmp_path, tiny):
    with writing(tmp_path / "run"), pytest.raises(UserError, match="is writing into"):
        train_segmenter(tiny, tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_finished_run_is_left_alone_and_another_is_refused(tmp_path, tiny, generated):
    train_segmenter(tiny, tmp_path / "run")
    assert train_segmenter(tiny, tmp_path / "run").made == 0
    other = tiny.model_copy(update={"learning_rate": 0.5, "shards": (str(generated),), "log_every": 1})
    with pytest.raises(UserError) as error:
        train_segmenter(other, tmp_path / "run")
    assert "learning_rate (0.01 there, 0.5 here)" in str(error.value) and "shards (" in str(error.value)
    assert "log_every" not in str(error.value)
    assert train_segmenter(other, tmp_path / "run", overwrite=True).made == 6


def test_a_data_set_that_moved_is_the_same(tmp_path, tiny, rendered):
    train_segmenter(tiny, tmp_path / "run")
    shutil.copytree(rendered, tmp_path / "moved")
    moved = tiny.model_copy(update={"shards": (str(tmp_path / "moved"),)})
    assert train_segmenter(moved, tmp_path / "run").made == 0


def test_it_learns(tmp_path, tiny):
    few = {"iterations": 40, "width": 8, "batch_size": 8, "validation": "world:vessels", "validation_images": 12}
    settings = tiny.model_copy(update={**few, "shards": ("world:vessels",), "world_images": 60, "size": 32})
    result = train_segmenter(settings.model_copy(update={"validate_every": 20, "ema_decay": 0.8}), tmp_path / "run")
    assert result.quality["miou"] > 0.7


def test_what_is_not_finite_stops_the_run(tmp_path, tiny, monkeypatch):
    step = segmenter.SegmenterLearner.learn

    def exploding(self, iteration, batch):
        if iteration == 2:
            next(self.network.parameters()).data.fill_(torch.nan)
        return step(self, iteration, batch)

    monkeypatch.setattr(segmenter.SegmenterLearner, "learn", exploding)
    with pytest.raises(WorkError, match=r"loss of iteration 3 is not finite: stopped; the last good.*000002"):
        train_segmenter(tiny, tmp_path / "run")
    assert not (tmp_path / "run" / "final").exists()


def test_a_damaged_image_stops_the_run_and_names_itself(tmp_path, tiny, rendered):
    shutil.copytree(rendered, tmp_path / "damaged")
    path = tmp_path / "damaged" / "00001.tar"
    content = bytearray(path.read_bytes())
    content[512:] = bytes(len(content) - 512)
    path.write_bytes(content)
    settings = tiny.model_copy(update={"shards": (str(tmp_path / "damaged"),)})
    with pytest.raises(WorkError, match=r"00001\.tar"):
        train_segmenter(settings, tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shards": ()}, "shards: got none"),
        ({"shards": ("nowhere",)}, "no such folder"),
        ({"shards": ("world:bottles",)}, "world: got bottles"),
        ({"batch_size": 1}, "two or more images each"),
        ({"loss": "soft", "classes": 3}, "soft with 3 classes"),
        ({"validation": "nowhere"}, "nowhere"),
    ],
)
def test_bad_input_is_told_before_anything_is_written(tmp_path, tiny, change, said):
    with pytest.raises(UserError, match=said):
        train_segmenter(tiny.model_copy(update=change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_processes_share_a_batch(tmp_path, tiny):
    (tmp_path / "settings.json").write_text(tiny.model_dump_json())
    program = (
        "import sys, pathlib\n"
        "from l4f_datagen.settings import TrainSegmenterSettings\n"
        "from l4f_datagen.training.segmenter.train import train_segmenter\n"
        "settings = TrainSegmenterSettings.model_validate_json(pathlib.Path(sys.argv[1]).read_text())\n"
        "train_segmenter(settings, sys.argv[2])\n"
    )
    forked.two_processes(program, ["settings.json", "two"], tmp_path)
    train_segmenter(tiny, tmp_path / "one")
    # Normalisation sees halves of a batch: alike, not equal.
    one, two = log_of(tmp_path / "one"), log_of(tmp_path / "two")
    assert [line["iteration"] for line in two] == [2, 4, 6]
    assert two[0]["loss"] == pytest.approx(one[0]["loss"], rel=0.25)
    assert not same(tmp_path / "one", tmp_path / "two")


def test_losses_by_hand():
    scores = torch.tensor([[2.0, 0.0], [0.0, 1.0]]).T.reshape(1, 2, 1, 2)  # pixel 0: (2, 0), pixel 1: (0, 1)
    probability = scores.softmax(1)
    masks, alphas = torch.tensor([[[0, 1]]]), torch.tensor([[[0.25, 1.0]]])
    batch = Batch(torch.zeros(1, 3, 1, 2), masks, alphas)
    hard = -(probability[0, 0, 0, 0].log() + probability[0, 1, 0, 1].log()) / 2
    assert segmentation_loss(scores, batch, TrainSegmenterSettings()).item() == pytest.approx(hard.item())
    p, q = probability[0, :, 0, 0].log(), probability[0, :, 0, 1].log()
    soft = -(0.75 * p[0] + 0.25 * p[1] + q[1]) / 2
    assert segmentation_loss(scores, batch, TrainSegmenterSettings(loss="soft")).item() == pytest.approx(soft.item())


@pytest.mark.parametrize("loss", ["cross_entropy", "soft"])
def test_ignored_pixels_teach_nothing(loss):
    settings = TrainSegmenterSettings(loss=loss)
    scores = torch.randn(2, 2, 3, 3, requires_grad=True)
    masks = torch.zeros(2, 3, 3, dtype=torch.long)
    masks[0] = 255
    batch = Batch(torch.zeros(2, 3, 3, 3), masks, torch.zeros(2, 3, 3))
    segmentation_loss(scores, batch, settings).backward()
    assert scores.grad[0].abs().max() == 0 and scores.grad[1].abs().min() > 0
    half = Batch(batch.images[1:], masks[1:], batch.alphas[1:])
    assert segmentation_loss(scores, batch, settings).item() == pytest.approx(
        segmentation_loss(scores[1:], half, settings).item()
    )
    masks[:] = 255
    assert segmentation_loss(scores, batch, settings).item() == 0


def test_measures_by_hand():
    truth, found = torch.tensor([0, 0, 1, 1, 1, 255]), torch.tensor([0, 1, 1, 1, 0, 1])
    counts = confusion(truth, found, 2)
    assert counts.tolist() == [[1, 1], [1, 2]]
    expected = {"miou": (1 / 3 + 2 / 4) / 2, "iou_foreground": 2 / 4, "accuracy": 3 / 5}
    assert measures(counts, (1,)) == pytest.approx(expected)
    # Of three classes the last is absent; two and three are the foreground together.
    counts = torch.tensor([[4, 1, 0], [0, 5, 0], [0, 0, 0]])
    found = measures(counts, (1, 2))
    assert found["miou"] == pytest.approx((4 / 5 + 5 / 6) / 2) and found["iou_foreground"] == pytest.approx(5 / 6)


def test_rates():
    for schedule in ("one-cycle", "cosine"):
        settings = TrainSegmenterSettings(iterations=100, warm_up=0.2, schedule=schedule)
        factors = [rate_factor(i, settings) for i in range(100)]
        assert factors.index(max(factors)) == 20 and max(factors) == 1
        assert factors[:21] == sorted(set(factors[:21])), schedule
        assert factors[20:] == sorted(set(factors[20:]), reverse=True), schedule
        assert factors[-1] < 0.001
    assert rate_factor(0, TrainSegmenterSettings(warm_up=0.0)) == 1


def test_the_stem_follows_the_size():
    settings = TrainSegmenterSettings()
    assert [stem_for(settings.stem, size) for size in (64, 128, 512)] == [1, 2, 4]
    assert stem_for(TrainSegmenterSettings(stem=2).stem, 512) == 2


def test_the_published_proportions_can_be_asked_for():
    settings = TrainSegmenterSettings(arch="bisenet", width=64, stem=4, classes=19)
    network = make_segmenter(settings, 512)[0]
    assert sum(p.numel() for p in network.parameters()) == 13_300_416
    assert not network.align_corners  # unlike published: scores stay above what they were made of


def test_a_run_begins_with_a_file_and_is_told_by_its_content(tmp_path, tiny, caplog):
    torch.manual_seed(0)
    tensors = ResNet18(width=4).state_dict() | {"fc.weight": torch.zeros(1000, 32), "fc.bias": torch.zeros(1000)}
    torch.save(tensors, tmp_path / "resnet18.pth")
    run, named = tmp_path / "run", {"encoder": str(tmp_path / "resnet18.pth")}
    settings = tiny.model_copy(update={"arch": "unet-resnet18", "iterations": 1, "learning_rate": 1e-9, **named})
    train_segmenter(settings, run)
    found = weights_of(run)["encoder.layer3.0.conv2.weight"]
    assert torch.allclose(found, tensors["layer3.0.conv2.weight"], atol=1e-6)
    assert "its classifier is left out (fc.weight, fc.bias)" in caplog.text
    assert native.read_card(run / "final")["source"]["segmenter"].endswith(f"the weights of {named['encoder']}")
    (tmp_path / "resnet18.pth").rename(tmp_path / "moved.pth")
    moved = settings.model_copy(update={"encoder": str(tmp_path / "moved.pth")})
    assert train_segmenter(moved, run).made == 0
    torch.save(tensors | {"bn1.bias": torch.ones(4)}, tmp_path / "moved.pth")
    with pytest.raises(UserError, match="with other settings: encoder"):
        train_segmenter(moved, run)


def test_a_file_that_cannot_be_used_is_told_before_anything_is_written(tmp_path, tiny):
    torch.save(ResNet18(width=4).state_dict(), tmp_path / "resnet18.pth")
    for arch, message in (("unet", "unet-resnet18 or bisenet"), ("bisenet", "--width 4")):
        wrong = tiny.model_copy(update={"arch": arch, "width": 8, "encoder": str(tmp_path / "resnet18.pth")})
        with pytest.raises(UserError, match=message):
            train_segmenter(wrong, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_batches_follow_from_the_position_alone(tiny):
    a, b = LabelledBatches(tiny), LabelledBatches(tiny)
    b.batch(range(9))
    one, other = a.batch([3, 700]), b.batch([700, 3])
    assert torch.equal(one.images, other.images.flip(0)) and torch.equal(one.masks, other.masks.flip(0))
    assert one.images.min() >= -1 and one.images.max() <= 1 and np.isin(one.masks.numpy(), (0, 1)).all()
