import cv2
import numpy as np
import pytest

import l4f_datagen.scores as scores_module
from l4f_datagen.scores import cut, decisiveness, histogram, score, stability


def counts(**values: int) -> np.ndarray:
    result = np.zeros(256, int)
    for name, number in values.items():
        result[int(name[1:])] = number
    return result


def test_scores_of_a_mask_by_hand():
    alpha = np.zeros((10, 20), np.uint8)
    alpha[2:6, 3:8] = 255
    alpha[8, 19] = 255
    alpha[0, 0] = 100
    mask = (alpha >= 128).astype(np.uint8)
    scores = score(alpha, mask, 0.5)
    assert scores == {
        "mask_area": 21 / 200,
        "bounding_box": [3, 2, 17, 7],
        "components": 2,
        "touches_border": True,
        "decisiveness": round((199 + abs(2 * 100 / 255 - 1)) / 200, 6),
        "stability": 1.0,
    }


SHAPES = [(1, 1), (1, 40), (40, 1), (33, 70), (128, 128)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("exact", [1, 1 << 24])
def test_a_histogram_is_that_of_numpy_in_any_memory(shape, exact, monkeypatch):
    monkeypatch.setattr(scores_module, "_EXACT", exact)
    rng = np.random.default_rng(0)
    alpha = rng.integers(0, 256, shape, np.uint8)
    wide = np.repeat(np.repeat(alpha, 2, 0), 3, 1)
    for array in (alpha, alpha.T, alpha[::-1, ::-1], wide[::2, ::3], np.zeros_like(alpha), np.full_like(alpha, 255)):
        found = histogram(array)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, np.bincount(array.ravel(), minlength=256))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_components_within_their_box_are_those_of_the_whole(shape, share):
    rng = np.random.default_rng(1)
    for _ in range(20):
        mask = (rng.random(shape) < share).astype(np.uint8)
        mask[rng.random(shape) < 0.1] = 255
        whole = cv2.connectedComponents((mask == 1).astype(np.uint8), connectivity=8)[0] - 1
        assert score(mask, mask, 0.5)["components"] == whole


def test_an_empty_mask_has_no_nulls():
    empty = np.zeros((4, 4), np.uint8)
    scores = score(empty, empty, 0.9)
    assert scores["bounding_box"] == [0, 0, 0, 0]
    assert (scores["components"], scores["mask_area"], scores["touches_border"]) == (0, 0.0, False)
    assert scores["stability"] == 1.0


def test_a_full_mask():
    full = np.full((4, 6), 255, np.uint8)
    scores = score(full, full // 255, 0.9)
    assert scores["bounding_box"] == [0, 0, 6, 4]
    assert (scores["components"], scores["mask_area"], scores["touches_border"]) == (1, 1.0, True)


def test_diagonal_neighbours_are_one_component():
    mask = np.eye(5, dtype=np.uint8)
    assert score(mask * 255, mask, 0.5)["components"] == 1


@pytest.mark.parametrize(("values", "expected"), [({"_0": 3, "_255": 1}, 1.0), ({"_0": 1, "_51": 1}, 0.8)])
def test_decisiveness(values, expected):
    assert decisiveness(counts(**values)) == pytest.approx(expected)


def test_stability_is_the_iou_of_nested_masks():
    # At 0.5 ± 0.1 the cuts are at 102 and 153.
    assert stability(counts(_0=50, _101=5, _102=10, _152=10, _153=60), 0.5) == pytest.approx(60 / 80)
    # At 0.9 the upper threshold is kept at 0.95: nothing but a saturated alpha would pass 1.0.
    assert stability(counts(_204=20, _243=80), 0.9) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.5, 128), (0.9, 230), (1, 255), (0.2, 51), (0.6, 153), (1e-9, 1)]
)
def test_the_cut_is_the_first_value_at_or_above_the_threshold(threshold, expected):
    assert cut(threshold) == expected
    values = np.arange(1, 256)
    np.testing.assert_array_equal(values >= expected, values / 255 >= threshold - 1e-9)
