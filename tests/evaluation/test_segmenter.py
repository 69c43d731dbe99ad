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
    assert [row.labels["role"] for row in report.rows] == ["supervised", "measured", *["baseline"] * 4]
    best, half = report.rows[:2]
    assert best.values["miou"] == best.values["ratio"] == 1 and best.images == half.images == 8
    assert half.values["ratio"] == half.values["miou"] < 0.6
    assert half.intervals["miou"][0] <= half.values["miou"] <= half.intervals["miou"][1]


def test_another_architecture_is_told(red_folders, red_segmenter):
    settings = EvaluateSegmenterSettings(images=str(red_folders[0]), masks=str(red_folders[1]), n=1)
    unet = open_masker(str(red_segmenter), settings, torch.device("cpu"))
    bisenet = NetworkMasker(BiSeNet(width=4), name="ours")
    notes = [evaluate_segmenters([masker], settings, supervised=unet).notes for masker in (unet, bisenet)]
    words = "ours is a bisenet, the supervised segmenter a unet"
    assert [sum(words in note for note in found) for found in notes] == [0, 1]


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


@pytest.mark.parametrize("band", [0, 3])
def test_uncertain_bands_of_true_masks_are_not_counted(tmp_path, band):
    """Files of class indices, with 255 where the object ends: what is said there is neither right nor wrong."""
    for number in range(4):
        (tmp_path / "i").mkdir(exist_ok=True)
        (tmp_path / "m").mkdir(exist_ok=True)
        mask = np.zeros((16, 16), np.uint8)
        mask[:, : 8 - number % 2] = 1
        mask[:, 8 - number % 2 : 8 - number % 2 + band] = 255
        cv2.imwrite(str(tmp_path / "i" / f"{number}.png"), np.zeros((16, 16, 3), np.uint8))
        cv2.imwrite(str(tmp_path / "m" / f"{number}.png"), mask)
    settings = EvaluateSegmenterSettings(images=str(tmp_path / "i"), masks=str(tmp_path / "m"), values="index")
    report = evaluate_segmenters([Half()], settings)
    told = [note for note in report.notes if note.startswith("Not counted")]
    assert report.rows[0].values["accuracy"] == (1 if band else 1 - 2 / 64)
    assert told == (
        ["Not counted: 192 uncertain pixels (255 in the truth), 18.75% of all, in 4 of 4 true masks."] * bool(band)
    )


def test_the_ratio_to_the_supervised_has_an_interval_that_pairs_images(red_folders, red_segmenter):
    images, masks = map(str, red_folders)
    settings = EvaluateSegmenterSettings(images=images, masks=masks)
    half = evaluate_segmenters([Half()], settings, supervised=Half()).rows
    assert [row.intervals["ratio"] for row in half] == [(1, 1), (1, 1)]
    right = open_masker(str(red_segmenter), settings, torch.device("cpu"))
    _, row = evaluate_segmenters([Half()], settings, supervised=right).rows
    assert row.intervals["ratio"][0] < row.values["ratio"] < row.intervals["ratio"][1]
    assert set(row.subsets) >= {"inside", "small", "large"} and "border" not in row.subsets
