import cv2
import numpy as np
import pytest
import torch

from l4f_datagen.errors import UserError
from l4f_datagen.evaluation.references import NetworkMasker, open_masker
from l4f_datagen.evaluation.segmenter import batches, evaluate_segmenters, open_truth
from l4f_datagen.networks.segmenters.bisenet import BiSeNet
from l4f_datagen.settings import EvaluateSegmenterSettings


class Half:
    """Says that the left half is foreground."""

    name = "half"

    def __call__(self, images, keys):
        masks = np.zeros(images.shape[:3], np.uint8)
        masks[:, :, : images.shape[2] // 2] = 1
        return masks


def test_rows_side_by_side_and_the_ratio_to_the_supervised(red_folders, red_segmenter):
    images, masks = map(str, red_folders)
    settings = EvaluateSegmenterSettings(images=images, masks=masks, baselines=True, batch_size=3)
    right = open_masker(str(red_segmenter), settings, torch.device("cpu"))
    report = evaluate_segmenters([Half()], settings, supervised=right)
    assert [row.labels["role"] for row in report.rows] == ["supervised", "measured", "baseline", "baseline", "baseline"]
    best, half = report.rows[:2]
    assert best.values["miou"] == best.values["ratio"] == 1 and best.images == half.images == 8
    assert half.values["ratio"] == half.values["miou"] < 0.6
    assert half.intervals["miou"][0] <= half.values["miou"] <= half.intervals["miou"][1]


def test_another_architecture_is_told(red_folders, red_segmenter):
    settings = EvaluateSegmenterSettings(images=str(red_folders[0]), masks=str(red_folders[1]), n=1)
    unet = open_masker(str(red_segmenter), settings, torch.device("cpu"))
    bisenet = NetworkMasker(BiSeNet(width=4), name="ours")
    notes = [evaluate_segmenters([masker], settings, supervised=unet).notes for masker in (unet, bisenet)]
    assert len(notes[0]) == 1 and "ours is a bisenet, the supervised segmenter a unet" in notes[1][1]


def test_progress_is_told_over_all_segmenters(red_folders):
    told = []
    settings = EvaluateSegmenterSettings(images=str(red_folders[0]), masks=str(red_folders[1]), n=5, batch_size=2)
    evaluate_segmenters([Half(), Half()], settings, report=lambda done, total: told.append((done, total)))
    assert told[-1] == (10, 10) and [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_batch_ends_where_the_size_changes(red_folders):
    truth = open_truth(EvaluateSegmenterSettings(images=str(red_folders[0]), masks=str(red_folders[1])))
    found = list(batches(truth, truth.keys, 3))
    assert [images.shape[:2] for _, images, _ in found] == [(3, 16), (1, 16), (3, 20), (1, 20)]
    assert [name for names, _, _ in found for name in names] == list(truth.keys)


def test_a_mask_of_another_size_than_its_image(red_folders):
    images, masks = red_folders
    cv2.imwrite(str(masks / "16-0.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(UserError, match="16-0: got a mask of 8×8 pixels; expected the image's 16×16"):
        evaluate_segmenters([Half()], EvaluateSegmenterSettings(images=str(images), masks=str(masks)))
