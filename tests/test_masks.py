from types import SimpleNamespace

import numpy as np
import pytest

from l4f_datagen.masks import MaskLaw, cut_out, fill_holes, largest_component, make_mask
from l4f_datagen.settings import GenerateSettings, RenderSettings


def drawn(*rows: str) -> np.ndarray:
    """A mask from text: # is foreground."""
    return np.array([[character == "#" for character in row] for row in rows], np.uint8)


def changed(**settings) -> SimpleNamespace:
    plain = {"threshold": 0.5, "largest_component": False, "fill_holes": False, "ignore_band": None}
    return SimpleNamespace(**plain | settings)


TWO = drawn(
    "##...##",
    "##..#.#",  # joined by a corner: 8 neighbours
    "....###",
)


def test_the_largest_component_alone():
    expected = TWO.copy()
    expected[:, :2] = 0
    np.testing.assert_array_equal(largest_component(TWO), expected)
    np.testing.assert_array_equal(largest_component(expected), expected)
    empty = np.zeros((3, 4), np.uint8)
    np.testing.assert_array_equal(largest_component(empty), empty)


def test_of_equal_components_the_uppermost_then_the_leftmost_stays():
    np.testing.assert_array_equal(largest_component(drawn("...", "#.#", "...")), drawn("...", "#..", "..."))
    np.testing.assert_array_equal(largest_component(drawn("..#", "...", "#..")), drawn("..#", "...", "..."))


def test_enclosed_background_is_filled_and_open_background_is_not():
    ring = drawn(
        ".###..",
        "#...#.",  # closed by corners: background has 4 neighbours
        ".###.#",
        "#..#..",
        "#..#..",
    )
    expected = ring.copy()
    expected[1, 1:4] = 1
    np.testing.assert_array_equal(fill_holes(ring), expected)
    for mask in (np.zeros((3, 4), np.uint8), np.ones((3, 4), np.uint8)):
        np.testing.assert_array_equal(fill_holes(mask), mask)


@pytest.mark.parametrize(
    ("band", "ignored"), [((0.2, 0.8), range(51, 205)), ((0.5, 0.5), range(0)), ((0.1, 0.999), range(26, 255))]
)
def test_the_ignore_band_includes_both_ends(band, ignored):
    alpha = np.arange(256, dtype=np.uint8).reshape(16, 16)
    mask = make_mask(alpha, changed(ignore_band=band))
    assert np.flatnonzero(mask == 255).tolist() == list(ignored)
    rest = mask.ravel() != 255
    np.testing.assert_array_equal(mask.ravel()[rest], (alpha.ravel() >= 128)[rest])


def test_component_first_holes_next_band_last():
    alpha = 255 * drawn("####..#", "#..#...", "####...")
    alpha[1, 1:3] = 90, 10
    alpha[2, 6] = 120
    mask = make_mask(alpha, changed(largest_component=True, fill_holes=True, ignore_band=(0.3, 0.5)))
    expected = drawn("####...", "####...", "####...")
    expected[1, 1] = expected[2, 6] = 255
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(
        cut_out(alpha, changed(largest_component=True, fill_holes=True)), drawn("####...", "####...", "####...")
    )


@pytest.mark.parametrize(
    "settings",
    [GenerateSettings(), MaskLaw(threshold=RenderSettings().threshold)],
    ids=["generate", "render"],
)
def test_with_nothing_set_a_mask_is_cut_from_its_alpha(settings):
    alpha = np.random.default_rng(0).integers(0, 256, (9, 7), dtype=np.uint8)
    before = alpha.copy()
    np.testing.assert_array_equal(make_mask(alpha, settings), alpha / 255 >= settings.threshold)
    np.testing.assert_array_equal(alpha, before)
