"""Criteria of hand-made masks whose values can be worked out."""

import numpy as np
import pytest

from l4f_datagen.evaluation import criteria
from tests.evaluation.test_cuts import BLUE, RED, disc, picture

HALVES = np.zeros((2, 8, 8), bool)
HALVES[0, :, :4] = HALVES[1, :, 4:] = True


def test_variety_is_the_share_of_pixels_in_which_neighbours_differ():
    assert criteria.variety(HALVES) == 1
    assert criteria.variety(np.stack([HALVES[0], HALVES[0]])) == 0
    quarter = HALVES[0].copy()
    quarter[:4] = False
    assert criteria.variety(np.stack([HALVES[0], quarter])) == 0.25
    assert criteria.variety(HALVES[:1]) == 1, "one alone cannot be compared"


def test_area_deviation():
    assert criteria.area_deviation(HALVES) == 0
    assert criteria.area_deviation(np.stack([np.zeros((8, 8)), np.ones((8, 8))])) == 0.5


def test_the_right_mask_is_better_than_a_moved_one_and_than_a_part():
    image = picture(disc(64, 0.3))[None]
    right, moved, part = (disc(64, r, c)[None] for r, c in ((0.3, (0.5, 0.5)), (0.3, (0.7, 0.5)), (0.2, (0.5, 0.5))))
    nothing = np.zeros((1, 64, 64), np.float32)
    assert criteria.edges(image, right) > 3 * criteria.edges(image, moved)
    assert criteria.colour_separation(image, right) > 0.98 > criteria.colour_separation(image, moved) + 0.2
    assert criteria.leak(image, right) < 0.05 < 0.5 < criteria.leak(image, part)
    assert criteria.edges(image, nothing) == criteria.colour_separation(image, nothing) == 0


def test_agreement_and_stability():
    one, other = HALVES, np.roll(HALVES, 1, 2)
    assert criteria.agreement(one, one) == criteria.stability(one, one) == 1
    assert criteria.agreement(one, other) == pytest.approx(3 / 5)
    assert criteria.stability(one, other) == pytest.approx(3 / 5)
    assert criteria.agreement(np.zeros((1, 8, 8)), np.zeros((1, 8, 8))) == 1


def test_judged_samples_have_a_row_for_each_threshold_and_are_no_more_than_that():
    truth = disc(64, 0.3)
    judged = criteria.Judged()
    for _ in range(2):
        images = np.stack([picture(truth), picture(truth, BLUE, RED)])
        judged.add(images, np.stack([truth, truth]).astype(np.uint8) * 200)
    low, high = judged.rows("an alpha", (0.3, 0.9), 0.7)
    assert low.images == 4 and low.labels == {"masks": "an alpha", "threshold": 0.3, "psi": 0.7}
    assert low.values["area"] == pytest.approx(truth.mean(), abs=1e-6) and high.values["area"] == 0
    assert low.values["cut_agreement"] > 0.95 and high.values["cut_agreement"] == 0
    (other,) = judged.rows("an alpha", (0.3,), 1, first=judged)
    assert other.values["psi_stability"] == 1 and "psi_stability" not in low.values
    many, shape = criteria.Judged(), (criteria.JUDGED + 5, 300, 200)
    many.add(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8))
    assert len(many._images) == criteria.JUDGED and many._images[0].shape == (128, 85, 3)
