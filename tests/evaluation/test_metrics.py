import numpy as np
import pytest
import torch

from l4f_datagen.evaluation import metrics
from l4f_datagen.evaluation.metrics import MEASURES, Tally, bootstrap, count, measures


def random_pair(seed, shape=(9, 11)):
    rng = np.random.default_rng(seed)
    truth = (rng.random(shape) < 0.4).astype(np.uint8)
    prediction = np.where(rng.random(shape) < 0.15, 1 - truth, truth).astype(np.uint8)
    truth[rng.random(shape) < 0.05] = 255
    return prediction, truth


def test_counts_by_hand_and_255_is_not_counted():
    truth = np.array([[0, 0, 1], [1, 1, 255]], np.uint8)
    prediction = np.array([[0, 1, 1], [1, 0, 1]], np.uint8)
    assert count(prediction, truth).tolist() == [[1, 1], [1, 2]]


@pytest.mark.parametrize(
    ("prediction", "truth", "words"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "shape"),
        (np.full((2, 2), 255), np.zeros((2, 2)), "value 255"),
        (np.zeros((2, 2)), np.full((2, 2), 2), "other than 0, 1"),
    ],
)
def test_values_that_cannot_be_counted(prediction, truth, words):
    with pytest.raises(ValueError, match=words):
        count(prediction.astype(np.uint8), truth.astype(np.uint8))


def test_measures_by_hand():
    # 6 background pixels, 2 of them taken for foreground; 4 foreground pixels, 1 of them missed.
    found = dict(zip(MEASURES, measures(torch.tensor([[4, 2], [1, 3]])).tolist()))
    assert found == pytest.approx(
        {
            "iou_foreground": 3 / 6,
            "iou_background": 4 / 7,
            "miou": (3 / 6 + 4 / 7) / 2,
            "f1": (6 / 9 + 8 / 11) / 2,
            "precision": (3 / 5 + 4 / 5) / 2,
            "recall": (3 / 4 + 4 / 6) / 2,
            "accuracy": 7 / 10,
        }
    )


def test_pooled_measures_are_those_of_torchmetrics():
    classification = pytest.importorskip("torchmetrics.functional.classification")
    pairs = [random_pair(seed) for seed in range(5)]
    tally = Tally()
    for number, pair in enumerate(pairs):
        tally.add(str(number), *pair)
    values = tally.row({}, resamples=0, seed=0).values
    both = [torch.from_numpy(np.concatenate([pair[side].ravel() for pair in pairs])).long() for side in (0, 1)]
    common = {"num_classes": 2, "ignore_index": 255, "average": "macro"}
    for name, function in {
        "miou": classification.multiclass_jaccard_index,
        "f1": classification.multiclass_f1_score,
        "precision": classification.multiclass_precision,
        "recall": classification.multiclass_recall,
    }.items():
        assert values[name] == pytest.approx(function(*both, **common).item(), abs=1e-6), name
    accuracy = classification.multiclass_accuracy(*both, num_classes=2, ignore_index=255, average="micro")
    assert values["accuracy"] == pytest.approx(accuracy.item(), abs=1e-6)


def test_a_class_that_is_nowhere_has_no_iou():
    tally = Tally()
    tally.add("empty", np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))
    row = tally.row({}, resamples=10, seed=0)
    assert row.values["iou_foreground"] is None and row.values["miou"] is None and row.values["f1"] is None
    assert row.values["iou_background"] == row.values["accuracy"] == 1
    # Missed altogether is another thing: that is 0.
    tally = Tally()
    tally.add("missed", np.zeros((4, 4), np.uint8), np.eye(4, dtype=np.uint8))
    values = tally.row({}, resamples=10, seed=0).values
    assert values["iou_foreground"] == 0 and values["precision"] is None and values["miou"] == 12 / 16 / 2


def test_intervals_are_those_of_a_loop_over_resamples():
    counts = torch.stack([count(*random_pair(seed)) for seed in range(12)])
    found = bootstrap(counts, resamples=4000, seed=3)
    rng, values = np.random.default_rng(0), []
    for _ in range(4000):
        values.append(measures(counts[rng.integers(0, 12, 12)].sum(0)).numpy())
    expected = np.quantile(values, (0.025, 0.975), axis=0)
    width = expected[1] - expected[0]
    assert (np.abs(found.numpy() - expected) < 0.1 * width).all()
    assert torch.equal(found, bootstrap(counts, resamples=4000, seed=3))
    assert not torch.equal(found, bootstrap(counts, resamples=4000, seed=4))


def test_intervals_do_not_depend_on_how_many_are_drawn_at_a_time(monkeypatch):
    counts = torch.stack([count(*random_pair(seed)) for seed in range(4)])
    whole = bootstrap(counts, resamples=100, seed=0)
    monkeypatch.setattr(metrics, "_DRAWS_AT_A_TIME", 12)
    assert torch.equal(bootstrap(counts, resamples=100, seed=0), whole)


def test_one_image_has_no_interval():
    tally = Tally()
    tally.add("only", *random_pair(0))
    assert tally.row({}, resamples=1000, seed=0).intervals == {}


def test_images_without_any_class_rank_by_the_classes_they_have():
    images = [
        {"key": "good", "iou_foreground": 0.9, "iou_background": 0.9},
        {"key": "none", "iou_foreground": None, "iou_background": 0.4},
        {"key": "bad", "iou_foreground": 0.1, "iou_background": 0.5},
        {"key": "nothing counted", "iou_foreground": None, "iou_background": None},
    ]
    assert [image["key"] for image in metrics.worst(images, 3)] == ["bad", "none", "good"]


def test_a_comparison_resamples_both_sides_together():
    """What both get wrong in the same images is no doubt about their order."""
    rng, ours, theirs = np.random.default_rng(0), Tally(), Tally()
    for number in range(20):
        truth = (rng.random((12, 12)) < 0.4).astype(np.uint8)
        wrong = rng.random(truth.shape) < rng.uniform(0, 0.6)
        ours.add(str(number), np.where(wrong, 1 - truth, truth).astype(np.uint8), truth)
        wrong |= rng.random(truth.shape) < 0.03
        theirs.add(str(number), np.where(wrong, 1 - truth, truth).astype(np.uint8), truth)
    low, high = metrics.compared(ours, theirs, torch.sub, resamples=500, seed=0)
    single = [tally.row({}, resamples=500, seed=0).intervals["miou"] for tally in (ours, theirs)]
    difference = metrics.miou(ours) - metrics.miou(theirs)
    assert 0 < low < difference < high and single[0][0] < single[1][1], "by themselves the intervals overlap"
    assert metrics.compared(ours, ours, torch.sub, resamples=500, seed=0) == (0, 0)
    assert metrics.compared(ours, theirs, torch.sub, resamples=0, seed=0) is None


def test_uncertain_pixels_are_counted_apart_and_told():
    tally = Tally()
    for key, (prediction, truth) in {"a": random_pair(0), "b": random_pair(1)}.items():
        truth[truth == 255] = 0
        truth[0, :4] = 255 if key == "a" else 0
        tally.add(key, prediction, truth)
    assert tally.notes()[0] == "Not counted: 4 uncertain pixels (255 in the truth), 2.02% of all, in 1 of 2 true masks."
    assert int(tally.counts.sum()) == 2 * 99 - 4
