"""Cuts of synthetic pictures of which the truth is known."""

import cv2
import numpy as np
import pytest

from l4f_datagen.evaluation.cuts import CutLaw, cut, probable, touched_sides, votes

RED, BLUE, GREEN = (200, 40, 40), (40, 60, 190), (50, 150, 60)


def disc(size: int, radius: float, centre: tuple[float, float] = (0.5, 0.5)) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    return ((x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2).astype(np.float32)


def picture(truth: np.ndarray, inside=RED, outside=BLUE, noise: float = 12) -> np.ndarray:
    random = np.random.default_rng(0)
    image = np.where(truth[..., None] > 0.5, inside, outside) + random.normal(0, noise, (*truth.shape, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one > 0.5, other > 0.5
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    "alpha",
    [
        disc(64, 0.2),  # too small
        disc(64, 0.38),  # too large
        disc(64, 0.3, (0.56, 0.46)),  # beside it
        np.clip(cv2.GaussianBlur(disc(64, 0.25), (0, 0), 6), 0, 1),  # without an outline
    ],
    ids=["small", "large", "moved", "soft"],
)
@pytest.mark.parametrize("size", [32, 64, 300])
def test_the_outline_of_the_colours_is_found(alpha, size):
    truth = disc(size, 0.3)
    seed = cv2.resize(alpha, (size, size), interpolation=cv2.INTER_LINEAR)
    found = cut(picture(truth), seed)
    assert found is not None and found.shape == truth.shape and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 1
    assert iou(found, truth) > 0.93 > iou(seed, truth) + 0.05


def test_what_is_far_from_the_outline_stays_as_the_alpha_has_it():
    """A patch of the background's colour deep inside, and one of the object's far outside, are no mistakes of its."""
    truth = disc(96, 0.4)
    shown = truth.copy()
    shown[44:52, 44:52] = 0
    shown[:5, :5] = 1
    found = cut(picture(shown), truth)
    assert found is not None
    assert found[46:50, 46:50].min() == 1 and found[:4, :4].max() == 0
    free = cut(picture(shown), truth, law=CutLaw(inside=1, outside=1))
    assert free is not None and free[46:50, 46:50].max() < 0.5


def test_what_an_alpha_leaves_out_at_a_side_that_objects_touch_is_found():
    """A head on shoulders, of which the alpha knows the head."""
    size = 64
    truth = disc(size, 0.2, (0.5, 0.4))
    truth[44:, 4:60] = 1
    truth[36:44, 26:38] = 1
    alpha = disc(size, 0.2, (0.5, 0.4))
    alpha[36:, 26:38] = 1
    image = picture(truth)
    assert touched_sides(np.stack([alpha, alpha])) == frozenset() != touched_sides(np.stack([truth, truth]))
    without, with_side = cut(image, alpha), cut(image, alpha, touched=touched_sides(truth[None]))
    assert without is not None and with_side is not None
    assert iou(without, truth) < 0.85 and iou(with_side, truth) > 0.95


@pytest.mark.parametrize(
    ("place", "sides"),
    [
        ((slice(0, 40), slice(20, 40)), {"top"}),
        ((slice(20, 64), slice(0, 40)), {"bottom", "left"}),
        ((slice(20, 40), slice(20, 64)), {"right"}),
        ((slice(20, 40), slice(20, 40)), set()),
        ((slice(20, 64), slice(0, 64)), {"bottom"}),  # the left and the right alike
        ((slice(0, 64), slice(0, 40)), {"left"}),
        ((slice(0, 64), slice(0, 64)), set()),
    ],
)
def test_sides_that_are_touched(place, sides):
    mask = np.zeros((64, 64))
    mask[place] = 1
    assert touched_sides(np.stack([mask, mask])) == sides


def test_several_colours_on_each_side():
    truth = disc(64, 0.32)
    image = picture(truth)
    image[:, 32:][truth[:, 32:] > 0.5] = GREEN
    found = cut(image, disc(64, 0.26))
    assert found is not None and iou(found, truth) > 0.93


@pytest.mark.parametrize(
    ("low", "high", "noise"),
    [(0.0, 1.0, 0.0), (0.02, 0.97, 0.02), (0.35, 0.55, 0.03), (0.3, 0.45, 0.02), (0.6, 0.8, 0.02)],
    ids=["hard", "decided", "undecided", "below one half", "above one half"],
)
def test_an_alpha_is_parted_where_its_own_values_are(low, high, noise):
    truth = disc(64, 0.3)
    random = np.random.default_rng(0)
    alpha = np.where(truth > 0.5, high, low) + random.normal(0, noise, truth.shape)
    assert iou(probable(alpha.astype(np.float32)), truth) > 0.99
    found = cut(picture(truth), alpha.astype(np.float32))
    assert found is not None and iou(found, truth) > 0.95


@pytest.mark.parametrize(("level", "all_"), [(0.03, False), (0.97, True)])
def test_an_alpha_of_one_side_is_not_parted_by_its_noise(level, all_):
    alpha = level + np.random.default_rng(0).normal(0, 0.01, (64, 64)).astype(np.float32)
    assert (probable(alpha) == all_).all()


@pytest.mark.parametrize("area", [0.0, 1.0])
def test_an_alpha_of_one_side_seeds_nothing(area):
    assert cut(picture(disc(64, 0.3)), np.full((64, 64), area, np.float32)) is None


def test_the_same_picture_gives_the_same_cut_and_neither_argument_changes():
    truth = disc(64, 0.3)
    image, alpha = picture(truth), disc(64, 0.25)
    before = image.copy(), alpha.copy()
    first, second = cut(image, alpha), cut(image, alpha)
    assert first is not None and second is not None and np.array_equal(first, second)
    assert np.array_equal(image, before[0]) and np.array_equal(alpha, before[1])


def test_images_need_not_be_square():
    truth = disc(64, 0.3)[:, 8:-8]
    found = cut(picture(truth), disc(64, 0.24)[:, 8:-8])
    assert found is not None and found.shape == (64, 48) and iou(found, truth) > 0.93


def test_votes_are_of_one_mind_where_colours_are_and_not_where_they_are_not():
    truth = disc(64, 0.3)
    clear, plain = picture(truth), picture(truth, BLUE, BLUE)
    sure, unsure = votes(clear, disc(64, 0.25)), votes(plain, disc(64, 0.25))
    assert sure is not None and unsure is not None
    assert iou(sure, truth) > 0.95
    assert np.abs(2 * sure - 1).mean() > 0.999 > np.abs(2 * unsure - 1).mean() + 0.02
    assert votes(clear, np.zeros((64, 64), np.float32)) is None


def test_votes_leave_an_object_without_edges_most_of_what_the_alpha_shows():
    """Of a shaded object the colours know the dark middle; the alpha knows all of it, and most of that is certain."""
    truth = disc(64, 0.36)
    shaded = cv2.GaussianBlur(disc(64, 0.1), (0, 0), 5)[..., None]
    image = (shaded * np.array(RED) + (1 - shaded) * np.array(BLUE)).astype(np.uint8)
    found, free = votes(image, truth), cut(image, truth, law=CutLaw(8 / 64, 7 / 64))
    assert found is not None and free is not None
    assert iou(found, truth) > 0.8 > iou(free, truth) + 0.1
