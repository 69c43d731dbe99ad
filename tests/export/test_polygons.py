import cv2
import numpy as np
import pytest

from l4f_datagen.export.polygons import polygons

from .conftest import masks


def filled(mask: np.ndarray) -> np.ndarray:
    """By readers that truncate, as Ultralytics, and by those that round, as supervision: both draw the same."""
    out, rounded = np.zeros_like(mask), np.zeros_like(mask)
    for polygon in polygons(mask):
        cv2.fillPoly(out, [polygon.astype(np.int32)], 1)
        cv2.fillPoly(rounded, [np.round(polygon).astype(np.int32)], 1)
    np.testing.assert_array_equal(rounded, out)
    return out


@pytest.mark.parametrize("mask", masks(), ids=lambda mask: f"{int((mask == 1).sum())}-pixels")
def test_what_is_filled_is_the_mask(mask):
    np.testing.assert_array_equal(filled(mask), mask == 1)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.6, 0.8, 0.97])
def test_noise_of_any_size(share):
    rng = np.random.default_rng(int(100 * share))
    for _ in range(60):
        mask = (rng.random(rng.integers(1, 48, 2)) < share).astype(np.uint8)
        np.testing.assert_array_equal(filled(mask), mask)


def test_a_polygon_per_component_each_with_an_area():
    mask = masks()[2]
    assert mask.sum() == 4
    found = list(polygons(mask))
    assert len(found) == 3  # two specks, and two that touch at a corner
    for polygon in found:
        assert len(polygon) >= 3 and cv2.contourArea(polygon.astype(np.float32)) > 0.1


def test_a_rectangle_has_its_four_corners():
    mask = np.zeros((20, 30), np.uint8)
    mask[4:9, 6:21] = 1
    (polygon,) = polygons(mask)
    assert {tuple(point) for point in polygon} == {(6.49, 4.49), (20.49, 4.49), (20.49, 8.49), (6.49, 8.49)} and len(
        polygon
    ) == 4
