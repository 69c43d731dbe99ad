"""Sheets of differences: each coloured pixel is a mistake; the best, the median and the worst samples are shown."""

import json

import cv2
import numpy as np
import pytest

from l4f_datagen.cli import main
from l4f_datagen.evaluation.differences import sheets
from l4f_datagen.evaluation.differences.painting import (
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    LEGEND,
    UNCERTAIN,
    Compared,
    paint,
)
from l4f_datagen.evaluation.differences.sheets import choose

from .conftest import red_images

TILE = 128
KEY = 11 * 11
"""Pixels of a colour in the legend."""


def coloured(picture: np.ndarray, colour) -> int:
    """Pixels of exactly this colour, of an RGB picture."""
    return int((picture == colour).all(-1).sum())


def read(path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("image", [None, np.full((2, 3, 3), 255, np.uint8)], ids=["masks alone", "over an image"])
def test_each_pixel_has_the_colour_of_its_mistake(image):
    mask, truth = np.array([[0, 1, 1], [0, 0, 1]], np.uint8), np.array([[0, 1, 0], [1, 255, 255]], np.uint8)
    painted = paint(Compared(mask=mask, truth=truth, image=image))
    assert painted[0, 2].tolist() == list(FALSE_POSITIVE) and painted[1, 0].tolist() == list(FALSE_NEGATIVE)
    assert painted[1, 1].tolist() == painted[1, 2].tolist() == list(UNCERTAIN)
    for y, x in ((0, 0), (0, 1)):  # right pixels are grey
        assert len(set(painted[y, x].tolist())) == 1 and tuple(painted[y, x]) != UNCERTAIN


def test_green_is_brighter_than_red_for_those_who_see_no_hue():
    lab = [
        cv2.cvtColor(np.array([[c]], np.uint8), cv2.COLOR_RGB2LAB)[0, 0, 0] for c in (FALSE_POSITIVE, FALSE_NEGATIVE)
    ]
    assert int(lab[0]) - int(lab[1]) > 80


@pytest.mark.parametrize(
    "count, groups",
    [(1, "b"), (2, "bw"), (3, "bmw"), (4, "bbww"), (5, "bbmww"), (8, "bbbmmwww"), (9, "bbbmmmwww"), (40, "bbbmmmwww")],
)
def test_the_best_the_median_and_the_worst_are_chosen_and_none_twice(count, groups):
    order = np.random.default_rng(count).permutation(count)
    mious = [int(place) / count for place in order]
    chosen = choose([{"key": str(n), "iou_foreground": m, "iou_background": m, "miou": m} for n, m in enumerate(mious)])
    assert "".join(one.group[0] for one in chosen) == groups
    assert len({one.key for one in chosen}) == len(chosen)
    assert all(mious[int(one.key)] == one.miou for one in chosen)
    assert [one.miou for one in chosen] == sorted(mious, reverse=True)[: groups.count("b")] + [
        one.miou for one in chosen if one.group == "median"
    ] + sorted(mious)[: groups.count("w")]
    if "m" in groups:
        middle = np.mean([one.miou for one in chosen if one.group == "median"])
        assert abs(middle - np.median(mious)) <= 1 / count


def test_a_sample_without_foreground_has_a_place(tmp_path):
    rows = [{"key": "a", "iou_foreground": None, "iou_background": 0.2, "miou": None}]
    rows += [{"key": k, "iou_foreground": m, "iou_background": m, "miou": m} for k, m in (("b", 0.5), ("c", 0.9))]
    assert [(one.key, one.miou) for one in choose(rows)] == [("c", 0.9), ("b", 0.5), ("a", None)]
    assert sheets.listed(choose(rows)) == "best c (0.900); median b (0.500); worst a (–)"


@pytest.fixture
def folders(tmp_path):
    """Images, their masks, and masks that are wrong by more and more pixels: ``images``, ``masks``, ``wrong``."""
    rng, sides = np.random.default_rng(1), {"images": [], "masks": [], "wrong": []}
    for number, (image, mask) in enumerate(zip(*red_images(8))):
        wrong = mask ^ (rng.random(mask.shape) < 0.02 * number).astype(np.uint8)
        for name, picture in (("images", image[..., ::-1]), ("masks", mask * 255), ("wrong", wrong * 255)):
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), picture)
            sides[name].append(picture)
    return tmp_path, np.array(sides["masks"]) == 255, np.array(sides["wrong"]) == 255


def test_of_masks(folders, capsys):
    place, true, wrong = folders
    words = ["evaluate", "masks", str(place / "wrong"), str(place / "masks"), "--resamples", "0"]
    assert main([*words, "--sheet", str(place / "new" / "s.png")]) == 0
    picture = read(place / "new" / "s.png")
    scale = (TILE // 16) ** 2  # all eight are shown
    assert coloured(picture, FALSE_POSITIVE) == scale * (wrong & ~true).sum() + KEY
    assert coloured(picture, FALSE_NEGATIVE) == scale * (true & ~wrong).sum() + KEY
    named = capsys.readouterr().err
    assert "best 0 (1.000)" in named and "worst 7 (" in named and str(place / "new" / "s.png") in named


def test_of_segmenters_over_their_images(folders, red_segmenter):
    place, true, wrong = folders
    words = ["evaluate", "segmenter", str(place / "wrong"), "--images", str(place / "images"), "--resamples", "0"]
    words += ["--masks", str(place / "masks"), "--supervised", str(red_segmenter), "--baselines"]
    assert main([*words, "--sheet", str(place / "s.png")]) == 0
    picture = read(place / "s.png")
    # The red segmenter makes none, baselines have no place: all mistakes are the folder's.
    assert coloured(picture, FALSE_POSITIVE) == (TILE // 16) ** 2 * (wrong & ~true).sum() + KEY
    assert coloured(picture, FALSE_NEGATIVE) == (TILE // 16) ** 2 * (true & ~wrong).sum() + KEY
    assert picture.shape[0] > 2 * 4 * TILE  # a block for each of both


def test_of_alpha_networks(tiny_checkpoint, red_segmenter, tmp_path):
    words = ["evaluate", "alpha", "--generator", str(tiny_checkpoint), "--reference", str(red_segmenter), "--n", "7"]
    words += ["--psi", "0.7", "--threshold", "0.5", "--reject", "", "--resamples", "0", "--device", "cpu"]
    assert main([*words, "--sheet", str(tmp_path / "s.png"), "--json-file", str(tmp_path / "r.json")]) == 0
    (row,) = json.loads((tmp_path / "r.json").read_text())["rows"]
    picture = read(tmp_path / "s.png")
    counted = sum(coloured(picture, colour) for colour in LEGEND.values()) - 3 * KEY
    assert len(choose(row["per_image"])) == 7
    # Drawn one by one, a pixel may round otherwise.
    assert counted / (TILE // 16) ** 2 == pytest.approx(7 * 256 * (1 - row["accuracy"]), abs=2)


@pytest.mark.parametrize("name", ["s.jpg", "s", "."])
def test_a_sheet_is_a_png_file(folders, name, capsys):
    place = folders[0]
    words = ["evaluate", "masks", str(place / "wrong"), str(place / "masks"), "--sheet", str(place / name)]
    assert main(words) == 2
    assert "sheet" in (told := capsys.readouterr().err) and "PNG" in told and told.count("\n") == 1
