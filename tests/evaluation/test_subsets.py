import numpy as np
import pytest

from l4f_datagen.evaluation import subsets
from l4f_datagen.evaluation.metrics import Tally
from l4f_datagen.evaluation.subsets import Shape, explained, shape_of, split, terciles


def mask(*boxes, ignored=None):
    """A true mask of 8×8 with boxes (top, bottom, left, right) of foreground, and one of uncertain pixels."""
    truth = np.zeros((8, 8), np.uint8)
    for value, (top, bottom, left, right) in [*((1, box) for box in boxes), *([(255, ignored)] if ignored else [])]:
        truth[top:bottom, left:right] = value
    return truth


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        (mask(), Shape(False, None)),
        (mask(ignored=(0, 8, 0, 8)), Shape(False, None)),
        (mask((2, 4, 2, 4)), Shape(False, 4 / 64)),
        (mask((0, 2, 2, 4)), Shape(True, 4 / 64)),
        (mask((6, 8, 2, 4)), Shape(True, 4 / 64)),
        (mask((2, 4, 0, 2)), Shape(True, 4 / 64)),
        (mask((2, 4, 6, 8)), Shape(True, 4 / 64)),
        (mask((0, 8, 0, 8)), Shape(True, 1.0)),
        (mask((1, 7, 1, 7), ignored=(0, 1, 0, 8)), Shape(False, 36 / 56)),
        (mask((0, 8, 0, 4), ignored=(0, 8, 4, 8)), Shape(True, 1.0)),
    ],
)
def test_what_a_mask_says(truth, expected):
    assert shape_of(truth) == expected


@pytest.mark.parametrize(
    ("areas", "bounds"),
    [
        ([], None),
        ([0.1, 0.1, 0.2, 0.2], None),
        ([0.3, 0.1, 0.2], (0.1, 0.2)),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], (0.3, 0.5)),
        ([0.1, 0.1, 0.1, 0.1, 0.2, 0.3], (0.1, 0.1)),
    ],
)
def test_terciles_by_hand(areas, bounds):
    assert terciles(areas) == bounds


def test_every_image_with_foreground_is_inside_or_not_and_of_one_size():
    rng = np.random.default_rng(0)
    shapes = [Shape(bool(rng.random() < 0.3), None if number % 10 == 0 else rng.random()) for number in range(100)]
    parts = split(shapes)
    assert list(parts) == list(subsets.NAMES)
    there = [number for number, shape in enumerate(shapes) if shape.area is not None]
    assert (
        sorted(parts["border"] + parts["inside"]) == sorted(n for name in subsets.SIZES for n in parts[name]) == there
    )
    assert all(shapes[n].touches for n in parts["border"]) and not any(shapes[n].touches for n in parts["inside"])
    assert [len(parts[name]) for name in subsets.SIZES] == [30, 30, 30]
    largest = [max(shapes[n].area for n in parts[name]) for name in subsets.SIZES]
    assert largest == sorted(largest) and min(shapes[n].area for n in parts["large"]) > largest[1]
    assert "10 images without foreground are in none" in explained(shapes)


def test_equal_areas_stay_together_and_empty_subsets_are_left_out():
    parts = split([Shape(False, area) for area in (0.1, 0.1, 0.1, 0.1, 0.2, 0.3)])
    assert parts == {"inside": [0, 1, 2, 3, 4, 5], "small": [0, 1, 2, 3], "large": [4, 5]}
    assert split([Shape(False, None)]) == {} and explained([Shape(False, None)]) is None
    assert "small" not in explained([Shape(True, 0.5)] * 4)


def test_figures_of_a_subset_are_those_of_its_images_alone():
    """Masks are right inside, and wrong by half at the border."""
    whole, alone = Tally(), Tally()
    for number in range(8):
        truth = mask((2, 4, 2, 4 + number % 3)) if number % 2 else mask((0, 4, 2, 4 + number % 3))
        prediction = truth.copy()
        if not number % 2:
            prediction[:2] = 0
            alone.add(str(number), prediction, truth)
        whole.add(str(number), prediction, truth)
    row = whole.row({}, resamples=50, seed=0)
    expected = alone.row({}, resamples=50, seed=0)
    assert row.subsets["inside"].values["miou"] == 1 and row.subsets["border"].images == 4
    assert row.subsets["border"].values == expected.values and row.subsets["border"].intervals == expected.intervals
    assert row.subsets["border"].values["miou"] < row.values["miou"] < 1
